import Logging
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Lets new connections wait in the kernel's queue while as many are open as may be, and while the process has no descriptor for them.
///
/// A handler on a listening socket, where a read takes what is waiting, up to ``burst``.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    /// Connections one read may take, by which the limit can be overstepped.
    static let burst: UInt = 16
    /// Until the next try, when there was no descriptor or no memory for a connection. Asking again at once would fail again, as
    /// often as the processor can.
    private static let pause: TimeAmount = .milliseconds(100)

    private let census: ConnectionCensus
    private let logger: Logger
    private var nextWarning: NIODeadline = .uptimeNanoseconds(0)
    private var isPaused = false
    private var isShut = false

    init(census: ConnectionCensus, logger: Logger) {
        self.census = census
        self.logger = logger
    }

    /// From now on nothing is taken any more, though the socket still listens.
    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is ShutAcceptGate else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.isShut = true
        self.stopReading(context)
        promise?.succeed()
    }

    func read(context: ChannelHandlerContext) {
        if self.isShut || self.isPaused { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let hasRoom = self.census.hasRoom { eventLoop.execute { bound.value.0.resume(bound.value.1) } }
        if hasRoom { return context.read() }
        self.warn("as many connections are open as proxy.limits.max_connections allows; new ones wait")
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        self.read(context: context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, Self.isShortage(error.errnoCode) else { return context.fireErrorCaught(error) }
        self.warn("new connections wait, because the system has no more descriptors or memory for this process; see LimitNOFILE and proxy.limits.max_connections")
        guard !self.isPaused else { return }
        self.isPaused = true
        self.stopReading(context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.pause) { bound.value.0.endPause(bound.value.1) }
    }

    private static func isShortage(_ code: CInt) -> Bool {
        code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
    }

    /// A read that waits for the kernel is taken back, which swallowing the next one would not do.
    private func stopReading(_ context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    }

    private func endPause(_ context: ChannelHandlerContext) {
        self.isPaused = false
        guard !self.isShut, context.channel.isActive else { return }
        // Also begins to read, past this gate once.
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    private func warn(_ message: Logger.Message) {
        let now = NIODeadline.now()
        guard now >= self.nextWarning else { return }
        self.nextWarning = now + .minutes(1)
        self.logger.warning(message)
    }
}

/// Asks an ``AcceptGate`` to take no more connections.
struct ShutAcceptGate: Sendable {}
