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

    /// Sends a text message (at most 125 bytes) and returns the text of the next message from the server.
    func echo(_ text: String) async throws -> String {
        let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        let payload = Array(text.utf8)
        var frame: [UInt8] = [0x81, 0x80 | UInt8(payload.count)] + mask
        frame += payload.enumerated().map { $1 ^ mask[$0 % 4] }
        try await self.connection.send(frame)
        let answer = try await self.connection.receive { $0.count >= 2 && $0.count >= 2 + Int($0[1] & 0x7F) }
        return String(decoding: answer.dropFirst(2), as: UTF8.self)
    }
}
