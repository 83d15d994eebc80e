import CDatagrams
import Glibc
import NIOCore
import Synchronization

/// A UDP socket that several may have on one port (`SO_REUSEPORT`): the kernel spreads the clients over them. A thread waits on it;
/// `stop` wakes that up.
final class DatagramSocket: Sendable {
    /// Asked of the kernel for questions that wait for us: some ten milliseconds at full speed.
    private static let receiveBufferBytes: CInt = 1 << 20
    /// After so long without a question the waiting thread looks up, in case a wake-up was missed.
    private static let lookUpSeconds = 1

    let descriptor: CInt
    private let stopped = Atomic(false)
    private let closed = Atomic(false)

    /// - Parameter address: with a port.
    init(bindingTo address: SocketAddress) throws {
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = Glibc.socket(family, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open a UDP socket") }
        self.descriptor = descriptor
        do {
            try Self.set(SO_REUSEPORT, CInt(1), on: descriptor)
            try Self.set(SO_RCVTIMEO, timeval(tv_sec: Self.lookUpSeconds, tv_usec: 0), on: descriptor)
            // A system may allow less; then questions that come faster than they are answered are lost a little sooner.
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

    /// By the thread that waited on it, when it does not any more: from then on the kernel gives the port's questions to others only.
    func close() {
        guard !self.closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Glibc.close(self.descriptor)
    }

    var isStopped: Bool { self.stopped.load(ordering: .acquiring) }

    /// Has the thread that waits on it end. Not after `close`.
    func stop() {
        self.stopped.store(true, ordering: .releasing)
        // Says that it is not connected, and wakes the thread all the same.
        shutdown(self.descriptor, CInt(SHUT_RDWR))
    }

    private static func set<Value: BitwiseCopyable>(_ option: CInt, _ value: Value, on descriptor: CInt) throws {
        let result = withUnsafeBytes(of: value) { setsockopt(descriptor, SOL_SOCKET, option, $0.baseAddress, socklen_t($0.count)) }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "set option \(option) of a UDP socket") }
    }
}

extension SocketAddress {
    /// Whether it stands for all addresses of the machine.
    fileprivate var isWildcard: Bool { self.ipAddress == "0.0.0.0" || self.ipAddress == "::" }
}
