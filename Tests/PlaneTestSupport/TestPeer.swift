import Foundation
import Glibc

/// One end of a TCP connection on loopback that sends and shows plain bytes, and can close either direction.
package final class TestPeer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// A read nobody answers ends after this with an error that shows what had come until then.
    private static let patienceSeconds = 60

    private let socket: Int32

    package init(socket: Int32) {
        self.socket = socket
        var limit = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// - Parameter receiveBuffer: Bytes the kernel takes for us before the other side has to wait.
    package static func connect(port: UInt16, receiveBuffer: Int32? = nil) throws -> TestPeer {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = loopbackAddress(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
        return TestPeer(socket: socket)
    }

    deinit { Glibc.close(self.socket) }

    /// Whether the other side has ended the connection, and everything that it has sent was read.
    package var hasEnded: Bool {
        var byte: UInt8 = 0
        let count = recv(self.socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || count < 0 && errno != EAGAIN
    }

    package func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) async throws {
        try await self.onThread { socket in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Sends the chunk again and again, as much as the other side and the kernel will take without anybody reading, and says how much
    /// that was; no more than about `limit` bytes.
    package func sendUntilBlocked(_ chunk: [UInt8], limit: Int = .max, quietMilliseconds: Int32 = 500) async throws -> Int {
        try await self.onThread { socket in
            var total = 0
            while true {
                if total >= limit { return total }
                var ready = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard poll(&ready, 1, quietMilliseconds) > 0 else { return total }
                let count = chunk[(total % chunk.count)...].withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                if count < 0, errno != EAGAIN { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
                total += max(count, 0)
            }
        }
    }

    /// Reads until what was read by this call ends with `end`.
    package func receive(until end: String) async throws -> String {
        let end = Array(end.utf8)
        return String(decoding: try await self.receive { $0.suffix(end.count).elementsEqual(end) }, as: UTF8.self)
    }

    package func receive(count: Int) async throws -> [UInt8] {
        try await self.receive { $0.count >= count }
    }

    /// One whole message with a `Content-Length` or no body.
    package func receiveMessage() async throws -> String {
        let bytes = try await self.receive { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let headEnd = text.range(of: "\r\n\r\n") else { return false }
            let head = text[..<headEnd.lowerBound].lowercased()
            guard let field = head.range(of: "content-length: ") else { return true }
            let length = Int(head[field.upperBound...].prefix { $0.isNumber }) ?? 0
            return text[headEnd.upperBound...].utf8.count >= length
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func receive(until isEnough: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        try await self.onThread { socket in
            var received: [UInt8] = []
            while !isEnough(received) {
                guard let bytes = try Self.readSome(socket, after: received) else {
                    throw Failure(description: "closed after “\(String(decoding: received.prefix(2000), as: UTF8.self))”")
                }
                received += bytes
            }
            return received
        }
    }

    /// Everything until the other side closes its direction.
    package func receiveToEnd() async throws -> String {
        String(
            decoding: try await self.onThread { socket in
                var received: [UInt8] = []
                while let bytes = try Self.readSome(socket, after: received) { received += bytes }
                return received
            }, as: UTF8.self)
    }

    /// How many bytes come until the other side closes its direction.
    package func countToEnd() async throws -> Int {
        try await self.onThread { socket in
            var count = 0
            while let bytes = try Self.readSome(socket, after: []) { count += bytes.count }
            return count
        }
    }

    /// Says that nothing more will be sent; reading goes on.
    package func closeOutput() { shutdown(self.socket, Int32(SHUT_WR)) }

    package func close() { shutdown(self.socket, Int32(SHUT_RDWR)) }

    /// Ends the connection so that the other side gets an error for it (socket(7), SO_LINGER).
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        // A connection is reset by the last close of its descriptor, or by being connected to nowhere (connect(2), AF_UNSPEC).
        var nowhere = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        Glibc.connect(self.socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    private static func readSome(_ socket: Int32, after received: [UInt8]) throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(socket, &chunk, chunk.count)
        if count == 0 { return nil }
        guard count > 0 else {
            let reason = String(cString: strerror(errno))
            throw Failure(description: "read: \(reason), after “\(String(decoding: received.prefix(2000), as: UTF8.self))”")
        }
        return Array(chunk[..<count])
    }

    /// Each call has a thread, so that one test can send much and read much at once.
    private func onThread<Result: Sendable>(_ work: @escaping @Sendable (Int32) throws -> Result) async throws -> Result {
        // Keeps the descriptor open, as for a ``TestBackend``.
        try await onWaitingThread { try withExtendedLifetime(self) { try work(self.socket) } }
    }
}
