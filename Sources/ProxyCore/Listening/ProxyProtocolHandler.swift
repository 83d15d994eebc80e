import Logging
import LogKeys
import NIOCore

/// Tells the client's connection who is at the other end of the balancer.
struct ProxiedClient {
    /// Nil where there is no other address than the balancer's.
    var address: AddressKey?
}

/// Reads the PROXY protocol header at the start of a connection, and then gets out of the way.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let logger: Logger
    private var received = ByteBuffer()

    init(logger: Logger) {
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received.writeImmutableBuffer(self.unwrapInboundIn(data))
        var rest = self.received
        switch ProxyProtocolHeader.read(rest.readableBytesUInt8Span) {
        case .needsMore:
            break
        case .malformed:
            self.logger.warning(
                "a connection from a source in proxy.proxy_protocol_from does not begin with a PROXY protocol header",
                metadata: [LogKey.address: "\(context.remoteAddress?.description ?? "unknown")"])
            context.close(promise: nil)
        case .complete(let length, let source):
            self.received = ByteBuffer()
            rest.moveReaderIndex(forwardBy: length)
            context.fireUserInboundEventTriggered(ProxiedClient(address: source))
            if rest.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(rest)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}
