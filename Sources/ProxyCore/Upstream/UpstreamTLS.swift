import EpollTransport
import NIOCore
package import NIOSSL
import NIOTLS

/// How the proxy uses TLS towards an endpoint.
package struct UpstreamTLS: Sendable {
    package var context: NIOSSLContext
    /// The name sent by SNI, for which the certificate has to be valid; nil for an endpoint known by its address, for which the certificate then has to be
    /// valid.
    package var serverName: String?

    package init(context: NIOSSLContext, serverName: String?) {
        self.context = context
        self.serverName = serverName
    }
}

/// The last handler behind TLS: tells an ``UpstreamConnection`` what it would otherwise hear from its socket.
final class UpstreamHandler: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: UpstreamConnection
    /// The error with which the connection ends, if there is one.
    private var error: (any Error)?
    private var hasEnded = false

    init(_ connection: UpstreamConnection) {
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) { self.connection.transport = .handlers(context) }

    func handlerRemoved(context: ChannelHandlerContext) { self.end() }

    func channelInactive(context: ChannelHandlerContext) { self.end() }

    private func end() {
        if self.hasEnded { return }
        self.hasEnded = true
        self.connection.socketClosed(self.error)
    }

    func read(context: ChannelHandlerContext) {
        if self.connection.mayRead() { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.connection.socketReceived(self.unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) { self.connection.socketReadCompleted() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.connection.socketBecameWritable() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: self.connection.socketConnected()
        case ChannelEvent.inputClosed: self.connection.socketInputEnded()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.error == nil { self.error = error }
        context.close(promise: nil)
    }
}
