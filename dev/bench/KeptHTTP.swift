import Foundation
import Glibc

/// One connection on which one request follows the other, on a thread of its own: the cheapest client there is.
final class KeptHTTP {
    private let socket: Int32
    private var buffer: [UInt8] = []

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(port: UInt16) throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else { throw Failure(description: "connect to \(port): \(String(cString: strerror(errno)))") }
        var yes: Int32 = 1
        setsockopt(self.socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(self.socket) }

    /// - Returns: the status of the answer.
    func post(_ path: String, _ json: String) throws -> Int {
        try self.send("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)")
        return try self.readAnswer()
    }

    /// - Returns: the status of the answer.
    func get(_ path: String, host: String = "127.0.0.1") throws -> Int {
        try self.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return try self.readAnswer()
    }

    /// Sends a request whose answer does not end, and reads its head.
    func open(_ path: String) throws -> Int {
        try self.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
        return try self.readHead().status
    }

    private func send(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(self.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    private func readHead() throws -> (status: Int, length: Int) {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = self.buffer.firstRange(of: end) {
                let head = String(decoding: self.buffer[..<range.lowerBound], as: UTF8.self)
                self.buffer.removeSubrange(..<range.upperBound)
                let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }?.split(separator: ":").last
                return (status, length.flatMap { Int($0.trimmingCharacters(in: .whitespaces)) } ?? 0)
            }
            try self.readMore()
        }
    }

    private func readAnswer() throws -> Int {
        let (status, length) = try self.readHead()
        while self.buffer.count < length { try self.readMore() }
        self.buffer.removeFirst(length)
        return status
    }

    private func readMore() throws {
        var chunk = [UInt8](repeating: 0, count: 16384)
        let count = read(self.socket, &chunk, chunk.count)
        guard count > 0 else { throw Failure(description: "the connection ended") }
        self.buffer += chunk[..<count]
    }
}
