import Logging
import NIOCore

/// Lets new connections wait in the kernel's queue while as many are open as may be.
///
/// A handler on a listening socket, where a read takes what is waiting, up to ``burst``.
final class AcceptGate: ChannelOutboundHandler {
    typealias OutboundIn = Never

    /// Connections one read may take, by which the limit can be overstepped.
    static let burst: UInt = 16

    private let census: ConnectionCensus
    private let logger: Logger
    private var nextWarning: NIODeadline = .uptimeNanoseconds(0)
    private var isShut = false

    init(census: ConnectionCensus, logger: Logger) {
        self.census = census
        self.logger = logger
    }

    /// From now on nothing is taken any more, though the socket still listens.
    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is ShutAcceptGate else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.isShut = true
        promise?.succeed()
    }

    func read(context: ChannelHandlerContext) {
        if self.isShut { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let hasRoom = self.census.hasRoom { eventLoop.execute { bound.value.0.resume(bound.value.1) } }
        if hasRoom { return context.read() }
        let now = NIODeadline.now()
        guard now >= self.nextWarning else { return }
        self.nextWarning = now + .minutes(1)
        self.logger.warning("as many connections are open as proxy.limits.max_connections allows; new ones wait")
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        self.read(context: context)
    }
}

/// Asks an ``AcceptGate`` to take no more connections.
struct ShutAcceptGate: Sendable {}
