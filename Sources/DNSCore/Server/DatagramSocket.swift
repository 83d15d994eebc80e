import CDatagrams
import Glibc
import NIOCore
import Synchronization

/// One of several UDP sockets on one port (`SO_REUSEPORT`), over which the kernel distributes the clients. A thread waits on it; `stop` wakes that thread.
final class DatagramSocket: Sendable {
    /// Size of the kernel's buffer for waiting questions: some ten milliseconds' worth at full speed.
    private static let receiveBufferBytes: CInt = 1 << 20
    /// Seconds after which the waiting thread wakes up without a question, in case it has missed a `stop`.
    private static let lookUpSeconds = 1

    let descriptor: CInt
    private let stopped = Atomic(false)
    private let closed = Atomic(false)

    /// - Parameter address: has a port other than 0.
    init(bindingTo address: SocketAddress) throws {
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = Glibc.socket(family, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open a UDP socket") }
        self.descriptor = descriptor
        do {
            try Self.set(SO_REUSEPORT, CInt(1), on: descriptor)
            try Self.set(SO_RCVTIMEO, timeval(tv_sec: Self.lookUpSeconds, tv_usec: 0), on: descriptor)
            // If the system allows less, bursts of questions are lost sooner.
            try? Self.set(SO_RCVBUF, Self.receiveBufferBytes, on: descriptor)
            if address.isWildcard, cdatagrams_tell_destination(descriptor, family) != 0 {
                throw IOError(errnoCode: errno, reason: "be told which address was asked")
            }
            let bound = address.withSockAddr { bind(descriptor, $0, socklen_t($1)) }
            guard bound == 0 else { throw IOError(errnoCode: errno, reason: "listen on UDP \(address)") }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    deinit { self.close() }

    /// Closes the socket. Called by the thread that waited on it, when it has ended; the kernel gives further questions to the other sockets.
    func close() {
        guard !self.closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Glibc.close(self.descriptor)
    }

    var isStopped: Bool { self.stopped.load(ordering: .acquiring) }

    /// Makes the thread that waits on it end. Not to be called after `close`.
    func stop() {
        self.stopped.store(true, ordering: .releasing)
        // This fails with ENOTCONN, but wakes the thread nevertheless.
        shutdown(self.descriptor, CInt(SHUT_RDWR))
    }

    private static func set<Value: BitwiseCopyable>(_ option: CInt, _ value: Value, on descriptor: CInt) throws {
        let result = withUnsafeBytes(of: value) { setsockopt(descriptor, SOL_SOCKET, option, $0.baseAddress, socklen_t($0.count)) }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "set option \(option) of a UDP socket") }
    }
}

extension SocketAddress {
    /// Whether the address means all addresses of the machine.
    fileprivate var isWildcard: Bool { self.ipAddress == "0.0.0.0" || self.ipAddress == "::" }
}
