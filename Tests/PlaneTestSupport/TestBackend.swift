import Foundation
import Glibc
package import NIOCore

/// A listening socket on loopback that plays a backend: each connection is handed to the test as plain bytes.
///
/// Its port is nobody else's in this run, so that what is sent to a backend which is gone does not come to another test's.
package final class TestBackend: Sendable {
    package let port: UInt16
    private let socket: Int32

    /// - Parameters:
    ///   - receiveBuffer: Bytes the kernel takes for each connection before the proxy has to wait.
    ///   - port: a fixed port, or nil for a free one.
    package init(receiveBuffer: CInt? = nil, port: UInt16? = nil) throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var receiveBuffer {
            setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(self.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var isOn: CInt = 1
        setsockopt(self.socket, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<CInt>.size))
        self.port = try port ?? freeLoopbackPort()
        var address = loopbackAddress(port: self.port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = self.socket
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 ? listen(socket, 128) : -1
            }
        }
        guard result == 0 else { throw TestPeer.Failure(description: "listen: \(String(cString: strerror(errno)))") }
    }

    deinit { Glibc.close(self.socket) }

    /// From now on connections are refused.
    package func stopListening() { shutdown(self.socket, Int32(SHUT_RDWR)) }

    package func socketAddress() throws -> SocketAddress {
        try SocketAddress(ipAddress: "127.0.0.1", port: Int(self.port))
    }

    /// Waits for the next connection.
    package func accept() async throws -> TestPeer {
        try await onWaitingThread {
            // Whoever waits may be the last that knows this backend. Its descriptor must not be closed, and be another socket of another test,
            // before it has been asked.
            let accepted = withExtendedLifetime(self) { Glibc.accept(self.socket, nil, nil) }
            guard accepted >= 0 else { throw TestPeer.Failure(description: "accept: \(String(cString: strerror(errno)))") }
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)  // of no use to a program that another test starts
            return TestPeer(socket: accepted)
        }
    }

    /// Serves one connection for as long as it lasts: every request without a body gets `response`.
    package func serve(_ response: String) -> Task<Void, any Error> {
        Task {
            let peer = try await self.accept()
            while true {
                _ = try await peer.receive(until: "\r\n\r\n")
                try await peer.send(response)
            }
        }
    }

    /// Accepts one connection, reads one request head and answers it.
    package func answerOnce(_ response: String) -> Task<(request: String, peer: TestPeer), any Error> {
        Task {
            let peer = try await self.accept()
            let request = try await peer.receive(until: "\r\n\r\n")
            try await peer.send(response)
            return (request, peer)
        }
    }
}
