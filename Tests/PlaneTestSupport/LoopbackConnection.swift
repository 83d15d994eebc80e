package import Foundation
import Glibc

/// A TCP connection to a server on this machine which sends and shows plain bytes.
///
/// Blocking calls run on threads of their own. A read that nobody answers ends after `patience` with an error which shows
/// what had come until then.
package final class LoopbackConnection: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Longer than any limit of the programs under test.
    private static let patience = 60

    private let socket: Int32

    package init(port: UInt16) async throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = loopbackAddress(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(socket)
            throw Failure(description: "connect to 127.0.0.1:\(port): \(reason)")
        }
        self.socket = socket
    }

    deinit { close(self.socket) }

    package func send(_ bytes: some DataProtocol & Sendable) async throws {
        let data = Data(bytes)
        try await self.onThread { socket in
            var rest = data[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
                rest = rest.dropFirst(count)
            }
        }
    }

    package func send(_ text: String) async throws { try await self.send(Data(text.utf8)) }

    /// Reads until `isEnough` says so of everything read by this call; an end of the stream before that is an error.
    package func receive(until isEnough: @escaping @Sendable (Data) -> Bool) async throws -> Data {
        try await self.onThread { socket in
            var received = Data()
            while !isEnough(received) {
                guard let bytes = try Self.readSome(socket, after: received) else {
                    throw Failure(description: "the server closed the connection after “\(String(decoding: received, as: UTF8.self))”")
                }
                received.append(bytes)
            }
            return received
        }
    }

    /// Reads until the server closes the connection.
    package func receiveToEnd() async throws -> Data {
        try await self.onThread { socket in
            var received = Data()
            while let bytes = try Self.readSome(socket, after: received) { received.append(bytes) }
            return received
        }
    }

    private static func readSome(_ socket: Int32, after received: Data) throws -> Data? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(socket, &chunk, chunk.count)
        if count == 0 { return nil }
        guard count > 0 else {
            let reason = String(cString: strerror(errno))
            throw Failure(description: "read: \(reason), after “\(String(decoding: received, as: UTF8.self))”")
        }
        return Data(chunk[..<count])
    }

    private func onThread<Result: Sendable>(_ work: @escaping @Sendable (Int32) throws -> Result) async throws -> Result {
        // Keeps the descriptor open, as for a ``TestBackend``.
        try await onWaitingThread { try withExtendedLifetime(self) { try work(self.socket) } }
    }
}

package func loopbackAddress(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
