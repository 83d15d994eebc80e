import NIOCore
import NIOHTTP2

/// The only handler of a stream that is one too many: tells the client that nothing has been done for its request, which it may therefore
/// send again (RFC 9113 §8.7).
final class RefusedStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private var isTold = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isTold else { return }
        self.isTold = true
        context.writeAndFlush(self.wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
    }
}
