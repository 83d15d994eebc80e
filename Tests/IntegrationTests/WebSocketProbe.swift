import Foundation
import PlaneTestSupport

/// A WebSocket client of few words: short text messages, unfragmented (RFC 6455 §5).
struct WebSocketProbe: Sendable {
    private let connection: LoopbackConnection

    /// Opens the connection and the WebSocket on it.
    init(port: UInt16, host: String, path: String) async throws {
        self.connection = try await LoopbackConnection(port: port)
        try await self.connection.send(
            """
            GET \(path) HTTP/1.1\r
            Host: \(host)\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            \r

            """)
        let head = try await self.connection.receive { $0.range(of: Data("\r\n\r\n".utf8)) != nil }
        guard head.starts(with: Data("HTTP/1.1 101 ".utf8)) else {
            throw UnexpectedReply(reply: String(decoding: head, as: UTF8.self))
        }
    }

    /// Sends a ping, and returns the payload of the next pong from the server.
    func ping(_ text: String) async throws -> String {
        try await self.send(0x89, text)
        return try await self.receive(0x8A)
    }

    /// Sends a text message (at most 125 bytes) and returns the text of the next message from the server.
    func echo(_ text: String) async throws -> String {
        try await self.send(0x81, text)
        return try await self.receive(0x81)
    }

    private func send(_ first: UInt8, _ text: String) async throws {
        let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        let payload = Array(text.utf8)
        var frame: [UInt8] = [first, 0x80 | UInt8(payload.count)] + mask
        frame += payload.enumerated().map { $1 ^ mask[$0 % 4] }
        try await self.connection.send(frame)
    }

    /// The payload of the next frame from the server with this first byte; others before it are passed over.
    private func receive(_ first: UInt8) async throws -> String {
        let bytes = try await self.connection.receive { Self.payload(of: first, in: $0) != nil }
        return String(decoding: Self.payload(of: first, in: bytes) ?? Data(), as: UTF8.self)
    }

    private static func payload(of first: UInt8, in bytes: Data) -> Data? {
        var rest = bytes
        while rest.count >= 2 {
            let length = Int(rest[rest.startIndex + 1] & 0x7F)
            guard rest.count >= 2 + length else { return nil }
            if rest[rest.startIndex] == first { return rest.dropFirst(2).prefix(length) }
            rest = rest.dropFirst(2 + length)
        }
        return nil
    }
}
