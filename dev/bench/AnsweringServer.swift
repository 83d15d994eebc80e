import Foundation
import Glibc

/// Answers each request that comes by 200: what stands behind a proxy that is measured. Threads of its own, one for each connection.
final class AnsweringServer: Sendable {
    let port: UInt16
    private let socket: Int32

    init() throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = self.socket
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                Glibc.bind(socket, address, size) == 0 && listen(socket, 128) == 0 ? getsockname(socket, address, &size) : -1
            }
        }
        guard result == 0 else { throw KeptHTTP.Failure(description: "listen: \(String(cString: strerror(errno)))") }
        self.port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread {
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { Self.serve(connection) }
            }
        }
    }

    /// Ends the threads that accept; those of connections end with their peers.
    func close() { shutdown(self.socket, Int32(SHUT_RDWR)) }

    private static func serve(_ connection: Int32) {
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
        let end = Array("\r\n\r\n".utf8)
        var head: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        defer { Glibc.close(connection) }
        while true {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { return }
            head += chunk[..<count]
            while let range = head.firstRange(of: end) {
                head.removeSubrange(..<range.upperBound)
                guard send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else { return }
            }
        }
    }
}
