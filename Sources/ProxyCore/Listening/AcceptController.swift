import EpollTransport
import Logging
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Accepts connections from a listening socket. While the limit of connections is reached, or the process has no descriptor left, new ones wait in the
/// kernel's queue. Used on its loop's thread only.
final class AcceptController {
    /// How long it waits after the kernel has refused a connection, mostly for want of descriptors or memory. Trying again at once would only fail and use
    /// the processor.
    private static let pause: TimeAmount = .milliseconds(100)

    private let loop: EpollEventLoop
    private let limiter: ConnectionLimiter
    private let logger: Logger
    /// Nil once closed, which breaks the reference cycle.
    private var acceptor: Acceptor?
    private var nextWarning: NIODeadline = .uptimeNanoseconds(0)
    private var isWaiting = false
    private var isShut = false

    /// - Parameters:
    ///   - descriptor: A listening socket, which the controller owns from now on.
    ///   - take: Called with every accepted connection, after the limiter has counted it.
    init(
        _ descriptor: CInt, on loop: EpollEventLoop, limiter: ConnectionLimiter, logger: Logger, take: @escaping (CInt, PeerAddress) -> Void
    ) throws(IOError) {
        self.loop = loop
        self.limiter = limiter
        self.logger = logger
        self.acceptor = try Acceptor(descriptor, on: loop, mayTake: { self.hasRoom() }) { connection, peer in
            limiter.add()
            take(connection, peer)
        } fail: { error in
            self.failed(error)
        }
    }

    /// Accepts no more connections, though the socket still listens.
    func shut() {
        self.isShut = true
        self.acceptor?.pause()
    }

    func close() {
        self.acceptor?.close()
        self.acceptor = nil
    }

    private func hasRoom() -> Bool {
        let controller = NIOLoopBound(self, eventLoop: self.loop)
        let loop = self.loop
        if self.limiter.hasRoom(else: { loop.execute { controller.value.resume() } }) { return true }
        self.acceptor?.pause()
        self.warn("as many connections are open as proxy.limits.max_connections allows; new ones wait")
        return false
    }

    private func resume() {
        if !self.isShut, !self.isWaiting { self.acceptor?.resume() }
    }

    private func failed(_ error: IOError) {
        self.warn(
            Self.isShortage(error.errnoCode)
                ? "new connections wait, because the system has no more descriptors or memory for this process; see LimitNOFILE and proxy.limits.max_connections"
                : "new connections cannot be taken: \(error)")
        self.isWaiting = true
        self.acceptor?.pause()
        self.loop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isWaiting = false
            self.resume()
        }
    }

    private static func isShortage(_ code: CInt) -> Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }

    private func warn(_ message: Logger.Message) {
        let now = NIODeadline.now()
        guard now >= self.nextWarning else { return }
        self.nextWarning = now + .minutes(1)
        self.logger.warning(message)
    }
}
