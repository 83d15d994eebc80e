import EpollTransport
import NIOCore
import NIOSSL

/// What carries bytes of a client or an endpoint: a socket without anything in between, the handlers of TLS, or, of a client, a stream of HTTP/2.
enum ClientTransport {
    case socket(StreamSocket)
    case handlers(ChannelHandlerContext)
    case stream(HTTP2Stream)
    /// No longer anything.
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

    /// The kernel has all that was flushed.
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
    /// - Parameter isOwed: The handlers were asked for bytes meanwhile, and were not let through. What a socket of theirs had been asked
    ///   for before, the pause has taken back.
    func resumeReading(isOwed: Bool) {
        switch self {
        case .socket(let socket): socket.resumeReading()
        case .handlers(let context): if isOwed || context.channel is StreamSocketChannel { context.read() }
        case .stream(let stream): stream.engine?.forwardStreamBody()
        case .none: break
        }
    }

    /// Handlers are asked for no more, and what is being read for them at this moment is the last. A stream's window closes by itself.
    func pauseReading() {
        switch self {
        case .socket(let socket): socket.pauseReading()
        case .handlers(let context): (context.channel as? StreamSocketChannel)?.pauseReading()
        case .stream, .none: break
        }
    }

    /// Says, behind what was written, that nothing follows.
    func closeOutput() {
        switch self {
        case .socket(let socket): socket.closeOutput()
        case .handlers(let context): context.close(mode: .output, promise: nil)
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// - Parameter close: Called when a socket of handlers is to be closed, whose close may take some time.
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

    /// Through TLS each side says a last word, and waits for the other's, before the socket is closed.
    func close() {
        switch self {
        case .socket(let socket): socket.close()
        case .handlers(let context): context.close(promise: nil)
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// Closing waits for the client (RFC 8446 §6.1), for a moment.
    var waitsForLastWord: Bool {
        if case .handlers(let context) = self { Self.tls(context) != nil } else { false }
    }

    /// Closes a connection whose client has gone without a last word of TLS, or says none any more.
    func closeAtOnce() {
        switch self {
        case .socket(let socket): socket.close()
        case .handlers(let context): if let tls = Self.tls(context) { tls.close(promise: nil) } else { context.close(promise: nil) }
        case .stream(let stream): stream.finish()
        case .none: break
        }
    }

    /// Closing behind this handler leaves its word out. Nil where there is no TLS: behind a balancer that has taken it off.
    private static func tls(_ context: ChannelHandlerContext) -> ChannelHandlerContext? {
        try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)  // fails where there is none
    }

    /// Closes in a way that nobody can take for the end of what was sent: with a reset, and without the word that ends TLS.
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
