import Logging
import LogKeys
import NIOCore

/// The client for whom a balancer speaks, as the balancer has said at the beginning of the connection.
struct ProxiedClient {
    /// Nil when the balancer has named no address, so the client is the balancer itself.
    var address: AddressKey?
}

/// Reads the PROXY protocol header at the start of a connection, then removes itself from the pipeline.
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
