package import NIOCore

/// A ``StreamSocket`` for SwiftNIO's handlers: what comes goes up a pipeline, and what the pipeline writes goes out.
///
/// Reads as a channel of SwiftNIO's does with half-closure allowed: the end of input is an event, and the connection stays open for output.
///
/// Sendable because, as with every channel, what may be called from any thread goes to the event loop first.
package final class StreamSocketChannel: Channel, ChannelCore, @unchecked Sendable {
    /// The peer sends nothing more, but what it has sent is not read yet, for nobody has asked for it. A user inbound event.
    package struct InputEndsSoon: Sendable {}

    package let eventLoop: any EventLoop
    package let allocator = ByteBufferAllocator()
    package let closeFuture: EventLoopFuture<Void>
    package var parent: (any Channel)? { nil }
    package var _channelCore: any ChannelCore { self }
    package var pipeline: ChannelPipeline {
        guard let chain else { preconditionFailure("a channel has its pipeline from the beginning") }
        return chain
    }

    private let socket: StreamSocket
    private let closePromise: EventLoopPromise<Void>
    /// The channel and its pipeline know each other until it is closed. Set once, at the beginning.
    private var chain: ChannelPipeline?
    private var hasStarted = false
    /// The socket has somebody to tell of its end.
    private var isWatched = false
    private var readsByItself = true
    private var isReading = false
    private let peer: SocketAddress?

    /// A channel that is not active yet, so that handlers can be added first.
    package init(_ socket: StreamSocket, peer: SocketAddress?) {
        self.socket = socket
        self.peer = peer
        self.eventLoop = socket.loop
        self.closePromise = socket.loop.makePromise(of: Void.self)
        self.closeFuture = self.closePromise.futureResult
        socket.pauseReading()
        self.chain = ChannelPipeline(channel: self)
    }

    /// Tells the handlers that they have a connection, and begins to read.
    package func start() throws(IOError) {
        guard self.socket.isOpen else { return }  // a handler has closed it already
        try self.watch()
        self.begin()
    }

    /// Asks for a connection. Handlers that are added at once hear that it stands as of any that is active, and of one that cannot be had an
    /// error, and the end.
    package static func connect(
        to address: SocketAddress, on loop: EpollEventLoop, writeMarks: Range<Int>, receiveBuffer: Int?, peerWatch: PeerWatch?
    ) throws(IOError) -> StreamSocketChannel {
        let socket = try StreamSocket.connecting(
            to: address, on: loop, writeMarks: writeMarks, receiveBuffer: receiveBuffer, peerWatch: peerWatch)
        let channel = StreamSocketChannel(socket, peer: address)
        try channel.watch()
        return channel
    }

    private func watch() throws(IOError) {
        do {
            try self.socket.start(self)
        } catch {
            self.ended()
            throw error
        }
        self.isWatched = true
    }

    private func begin() {
        self.hasStarted = true
        self.pipeline.fireChannelRegistered()
        self.pipeline.fireChannelActive()
        if self.readsByItself { self.pipeline.read() }
    }

    /// Whoever closes the connection from now on does so with a reset.
    package func endWithReset() {
        self.socket.endWithReset()
    }

    /// Bytes that handlers have written and flushed, and that have not left.
    package var waitingBytes: Int { self.socket.waitingBytes }

    /// Reads nothing more until it is asked to. A read that was asked for during the one going on does not count.
    package func pauseReading() {
        self.isReading = false
        self.socket.pauseReading()
    }

    package var isActive: Bool { self.hasStarted && self.socket.isOpen }
    package var isWritable: Bool { self.socket.isWritable }
    package var localAddress: SocketAddress? { self.socket.localAddress }
    package var remoteAddress: SocketAddress? { self.peer }

    private func ended() {
        self.hasStarted = false
        // Handlers that are in the middle of something keep their place until they are through.
        self.eventLoop.execute {
            self.removeHandlers(pipeline: self.pipeline)
            self.closePromise.succeed()
        }
    }

    // MARK: ChannelCore

    package func localAddress0() throws -> SocketAddress {
        guard let address = self.localAddress else { throw ChannelError.ioOnClosedChannel }
        return address
    }

    package func remoteAddress0() throws -> SocketAddress {
        guard let address = self.remoteAddress else { throw ChannelError.ioOnClosedChannel }
        return address
    }

    package func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.inappropriateOperationForState) }

    package func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.inappropriateOperationForState) }

    package func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }

    package func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }

    package func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        let wasWritable = self.socket.isWritable
        self.socket.write(self.unwrapData(data, as: ByteBuffer.self), promise: promise)
        if wasWritable, self.socket.isOpen, !self.socket.isWritable { self.pipeline.fireChannelWritabilityChanged() }
    }

    package func flush0() {
        self.socket.flush()
    }

    package func read0() {
        self.isReading = true
        self.socket.resumeReading()
    }

    package func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard self.socket.isOpen else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        switch mode {
        case .output: self.socket.closeOutput()
        case .all:
            let isWatched = self.isWatched
            self.socket.close()
            if !isWatched { self.ended() }  // nobody else says so
        case .input:
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        promise?.succeed()
    }

    package func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    /// What no handler has taken is nobody's.
    package func channelRead0(_ data: NIOAny) {}

    package func errorCaught0(error: any Error) {}
}

extension StreamSocketChannel: StreamSocketReceiver {
    /// Bytes that came alone are copied, so that a handler that keeps them does not keep all the memory they were read into.
    private static let copiedBytes = 8 * 1024

    package func socketConnected() { self.begin() }

    package func socketReceived(_ buffer: ByteBuffer) {
        let bytes = buffer.readableBytes <= Self.copiedBytes ? buffer.compacted() : buffer
        self.isReading = false
        self.pipeline.fireChannelRead(bytes)
    }

    package func socketReadCompleted() {
        // A handler that has asked for more while it was given these bytes is given more.
        if !self.isReading { self.socket.pauseReading() }
        self.pipeline.fireChannelReadComplete()
        if self.readsByItself, !self.isReading, self.isActive { self.pipeline.read() }
    }

    package func socketInputEnded() {
        self.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    package func socketInputEndsSoon() {
        self.pipeline.fireUserInboundEventTriggered(InputEndsSoon())
    }

    package func socketBecameWritable() {
        self.pipeline.fireChannelWritabilityChanged()
    }

    package func socketOutputClosed() {
        self.pipeline.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
    }

    package func socketClosed(_ error: (any Error)?) {
        if let error { self.pipeline.fireErrorCaught(error) }
        self.pipeline.fireChannelInactive()
        self.pipeline.fireChannelUnregistered()
        self.ended()
    }
}

// MARK: - Options

extension StreamSocketChannel {
    package var syncOptions: (any NIOSynchronousChannelOptions)? { Options(channel: self) }

    package func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        self.eventLoop.submit { try Options(channel: self).setOption(option, value: value) }
    }

    package func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        self.eventLoop.submit { try Options(channel: self).getOption(option) }
    }

    /// Those that handlers ask for; what else there is, the socket's maker decides.
    struct Options: NIOSynchronousChannelOptions {
        let channel: StreamSocketChannel

        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            guard option is ChannelOptions.Types.AutoReadOption, let readsByItself = value as? Bool else {
                throw ChannelError.operationUnsupported
            }
            self.channel.readsByItself = readsByItself
            if readsByItself, self.channel.isActive { self.channel.pipeline.read() } else { self.channel.socket.pauseReading() }
        }

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            let value: Any? =
                switch option {
                case is ChannelOptions.Types.AutoReadOption: self.channel.readsByItself
                case is ChannelOptions.Types.AllowRemoteHalfClosureOption: true
                case is ChannelOptions.Types.BufferedWritableBytesOption: self.channel.socket.waitingBytes
                default: nil
                }
            guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
            return value
        }
    }
}
