import EpollTransport
import NIOCore
import NIOSSL

/// What carries the bytes of a client or an endpoint: a plain socket, the handlers of TLS or, for a client only, a stream of HTTP/2.
enum ClientTransport {
    case socket(StreamSocket)
    case handlers(ChannelHandlerContext)
    case stream(HTTP2Stream)
    /// The connection is closed.
    case none

    @inline(__always)
    var isWritable: Bool {
        switch self {
        case .socket(let socket): socket.isWritable
        case .handlers(let context): context.channel.isWritable
        case .stream(let stream): stream.isWritable
        case .none: false
        }
    }

    var isOpen: Bool {
        switch self {
        case .socket(let socket): socket.isOpen
        case .handlers(let context): context.channel.isActive
        case .stream(let stream): stream.connection != nil
        case .none: false
        }
    }

    /// Whether the kernel has taken everything that was flushed.
    var hasNothingToWrite: Bool {
        switch self {
        case .socket(let socket): socket.waitingBytes == 0
        case .handlers(let context): (context.channel as? StreamSocketChannel)?.waitingBytes == 0
        case .stream: false
        case .none: false
        }
    }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        switch self {
        case .socket(let socket): socket.write(buffer)
        case .handlers(let context): context.write(NIOAny(buffer), promise: nil)
        case .stream(let stream): stream.append(buffer)
        case .none: break
        }
    }

    @inline(__always)
    func flush() {
        switch self {
        case .socket(let socket): socket.flush()
        case .handlers(let context): context.flush()
        case .stream(let stream): stream.flush()
        case .none: break
        }
    }

    /// Reads on after a pause.
    ///
    /// - Parameter isOwed: Handlers asked for bytes during the pause and were not let through. A read that their socket had been asked for before was
    ///   cancelled by the pause, so on our own sockets it is asked for again in any case.
    func resumeReading(isOwed: Bool) {
        switch self {
        case .socket(let socket): socket.resumeReading()
        case .handlers(let context): if isOwed || context.channel is StreamSocketChannel { context.read() }
        case .stream(let stream): stream.engine?.forwardStreamBody()
        case .none: break
        }
    }

    /// Stops reading. Handlers still get what is being read at this moment. A stream needs nothing: its window fills up.
    func pauseReading() {
        switch self {
        case .socket(let socket): socket.pauseReading()
        case .handlers(let context): (context.channel as? StreamSocketChannel)?.pauseReading()
        case .stream, .none: break
        }
    }

    /// Closes for sending, after everything that was written.
    func closeOutput() {
        switch self {
        case .socket(let socket): socket.closeOutput()
        case .handlers(let context): context.close(mode: .output, promise: nil)
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// Closes once everything written has been sent.
    ///
    /// - Parameter close: Called instead where handlers are between; they may need some time to close.
    func closeWhenFlushed(_ close: @escaping () -> Void) {
        switch self {
        case .socket(let socket):
            socket.closeWhenFlushed()
        case .handlers(let context):
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in close() }
            context.writeAndFlush(NIOAny(ByteBuffer()), promise: written)
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// Closes. With TLS the handler sends its closing alert and waits for the peer's before it closes the socket.
    func close() {
        switch self {
        case .socket(let socket): socket.close()
        case .handlers(let context): context.close(promise: nil)
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// Whether closing waits for the client's closing alert (RFC 8446 §6.1), for a short time.
    var waitsForLastWord: Bool {
        if case .handlers(let context) = self { Self.tls(context) != nil } else { false }
    }

    /// Closes without waiting for the closing alert of TLS, for a client that has gone, or that sends none.
    func closeAtOnce() {
        switch self {
        case .socket(let socket): socket.close()
        case .handlers(let context): if let tls = Self.tls(context) { tls.close(promise: nil) } else { context.close(promise: nil) }
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// The context of the TLS handler; closing from there skips its closing alert. Nil without TLS, as behind a balancer that has removed it.
    private static func tls(_ context: ChannelHandlerContext) -> ChannelHandlerContext? {
        try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)  // fails where there is none
    }

    /// Closes so that the client cannot take what it has got for the whole: with a TCP reset, and without the closing alert of TLS.
    func reset() {
        switch self {
        case .socket(let socket):
            socket.reset()
        case .handlers(let context):
            (context.channel as? StreamSocketChannel)?.endWithReset()
            Self.tls(context)?.close(promise: nil)
            context.close(promise: nil)
        case .stream(let stream):
            stream.reset(.internalError)
        case .none: break
        }
    }
}
