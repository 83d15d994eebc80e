import NIOCore
import NIOPosix
import Synchronization

/// A way to a server on which what the server says may take as long as the test wants; order is kept.
final class SlowLink: Sendable {
    private let delay = Mutex(TimeAmount.zero)

    /// From now on what the server says arrives so much later.
    func slow(by delay: TimeAmount) { self.delay.withLock { $0 = delay } }

    /// Leads to a port of this machine.
    /// - Returns: the port of the way's beginning.
    func open(to port: UInt16) async throws -> UInt16 {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).childChannelInitializer { near in
            ClientBootstrap(group: near.eventLoop).channelInitializer { far in
                far.eventLoop.makeCompletedFuture { try far.pipeline.syncOperations.addHandler(Relay(to: near) { self.delay.withLock { $0 } }) }
            }.connect(host: "127.0.0.1", port: Int(port)).flatMapThrowing { far in
                try near.pipeline.syncOperations.addHandler(Relay(to: far) { .zero })
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        return UInt16(server.localAddress?.port ?? 0)
    }

    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let delay: () -> TimeAmount
        private var due = NIODeadline.now()

        init(to other: any Channel, _ delay: @escaping () -> TimeAmount) {
            self.other = other
            self.delay = delay
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            // Nothing overtakes what came before it.
            self.due = max(self.due, .now() + self.delay())
            let other = self.other
            context.eventLoop.scheduleTask(deadline: self.due) { other.writeAndFlush(bytes, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }
    }
}
