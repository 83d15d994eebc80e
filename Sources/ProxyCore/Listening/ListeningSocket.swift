import EpollTransport
package import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// A TCP socket that listens. What accepts its connections is kept apart, so that the socket with all that waits in its queue can be handed to the process
/// that replaces this one.
package struct ListeningSocket: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// How many connections may wait to be accepted; the kernel caps it at net.core.somaxconn.
    static let backlog: Int32 = 4096

    package let descriptor: CInt

    /// - Parameter descriptor: A socket that listens already, and that this process owns.
    package init(inheriting descriptor: CInt) {
        self.descriptor = descriptor
    }

    package init(listeningOn address: SocketAddress) throws(Failure) {
        let family: CInt = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure("make a socket", address) }
        self.descriptor = descriptor
        self.set(SOL_SOCKET, SO_REUSEADDR, 1)
        let isBound = address.withSockAddr { pointer, size in bind(descriptor, pointer, socklen_t(size)) == 0 }
        guard isBound, Glibc.listen(descriptor, Self.backlog) == 0 else {
            let failure = Self.failure("listen", address)
            Glibc.close(descriptor)
            throw failure
        }
    }

    private static func failure(_ attempt: String, _ address: SocketAddress) -> Failure {
        let reason = String(cString: strerror(errno))
        let hint =
            switch errno {
            case EADDRINUSE: "; another program listens there, see ss -ltnp"
            case EACCES: "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
            case EADDRNOTAVAIL: "; this machine has no such address, see proxy.bind_ip"
            default: ""
            }
        return Failure(description: "cannot \(attempt) on \(address): \(reason)\(hint)")
    }

    /// Sets options that accepted connections inherit (tcp(7)), which saves system calls for each of them.
    func setKeepAlive(_ limits: ProxyLimits) {
        self.set(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
        KeepAliveProbes(limits).apply(to: self.descriptor)
    }

    private func set(_ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        setsockopt(self.descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// The address at which it listens, with the port that the kernel chose if it was asked to.
    func address() throws(Failure) -> SocketAddress {
        guard let address = SocketAddress(localEndOf: self.descriptor) else {
            throw Failure(description: "a listening socket has no address: \(String(cString: strerror(errno)))")
        }
        return address
    }

    /// A new descriptor of the same socket, which the caller owns. It is non-blocking whatever the first one was.
    func duplicate() throws(Failure) -> CInt {
        let copy = fcntl(self.descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw Failure(description: "cannot duplicate a listening socket: \(String(cString: strerror(errno)))") }
        _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK)  // does not fail on a socket
        return copy
    }

    /// Closes this descriptor. The socket is gone when all processes have closed theirs.
    package func close() {
        Glibc.close(self.descriptor)
    }
}

extension KeepAliveProbes {
    init(_ limits: ProxyLimits) {
        func seconds(_ time: TimeAmount) -> Int { Int(clamping: time.nanoseconds / 1_000_000_000) }
        self.init(
            idleSeconds: seconds(limits.keepAliveProbe), intervalSeconds: seconds(limits.keepAliveProbeInterval),
            questionCount: limits.keepAliveProbeCount)
    }
}
