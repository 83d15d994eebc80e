package import NIOCore
import Synchronization

/// A ``StreamSocket`` for SwiftNIO's handlers: input goes through a pipeline, and what the pipeline writes is sent.
///
/// Works like a channel of SwiftNIO with half-closure allowed: the end of input is an event, and the connection stays open for output.
///
/// Sendable because every stored variable is used on the event loop's thread only. What `Channel` offers to any thread (`isActive`, `isWritable`, the
/// addresses) is read from constants and atomics, which the loop's thread sets before it tells the handlers. Calls that are allowed on any thread (writes,
/// options, closing) are first passed to the event loop. ``start()``, ``endWithReset()``, ``waitingBytes`` and ``pauseReading()`` are for the loop's thread.
package final class StreamSocketChannel: Channel, ChannelCore, @unchecked Sendable {
    /// The peer sends nothing more, but what it has sent was not read yet, because no handler has asked for it. A user inbound event.
    package struct InputEndsSoon: Sendable {}

    package let eventLoop: any EventLoop
    package var allocator: ByteBufferAllocator { OutputMemory.allocator }
    package let closeFuture: EventLoopFuture<Void>
    package var parent: (any Channel)? { nil }
    package var _channelCore: any ChannelCore { self }
    package var pipeline: ChannelPipeline {
        guard let chain else { preconditionFailure("a channel has its pipeline from the beginning") }
        return chain
    }

    private let socket: StreamSocket
    private let closePromise: EventLoopPromise<Void>
    /// The pipeline; channel and pipeline refer to each other until the channel is closed. Set once, at the beginning.
    private var chain: ChannelPipeline?
    private var hasStarted = false
    /// Whether the socket has a receiver, which will be told of its end.
    private var isWatched = false
    private var readsByItself = true
    private var isReading = false
    private let peer: SocketAddress?
    /// The address to which the socket was bound when the channel was made.
    private let local: SocketAddress?
    private let activeFlag = Atomic(false)
    private let writableFlag: Atomic<Bool>
    /// Nil where no handler gathers output.
    private(set) var outputMemory: OutputMemory?
    private var flushes: UInt32 = 0
    /// The loop will look whether the channel still sends.
    private var isNoted = false

    /// Makes a channel that is not active yet, so that handlers can be added first. Called on the loop's thread.
    package init(_ socket: StreamSocket, peer: SocketAddress?) {
        self.socket = socket
        self.peer = peer
        self.local = socket.localAddress
        self.writableFlag = Atomic(socket.isWritable)
        self.eventLoop = socket.loop
        self.closePromise = socket.loop.makePromise(of: Void.self)
        self.closeFuture = self.closePromise.futureResult
        socket.pauseReading()
        self.chain = ChannelPipeline(channel: self)
    }

    /// Adds a handler that encrypts. Its buffer for output takes no memory while nothing is sent.
    package func addEncryptingHandler(_ handler: any ChannelHandler) throws {
        let memory = OutputMemory()
        self.outputMemory = memory
        try memory.provide { try self.pipeline.syncOperations.addHandler(handler) }
    }

    /// Makes the channel active, and begins to read.
    package func start() throws(IOError) {
        guard self.socket.isOpen else { return }  // a handler has closed it already
        try self.watch()
        self.begin()
    }

    /// Connects to an address. Handlers that are added at once are told when the channel becomes active or, if the connection cannot be made, of an error and
    /// the end.
    package static func connect(
        to address: SocketAddress, on loop: EpollEventLoop, writeMarks: Range<Int>, receiveBuffer: Int?, peerWatch: KeepAliveProbes?
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
        self.activeFlag.store(true, ordering: .releasing)
        self.pipeline.fireChannelRegistered()
        self.pipeline.fireChannelActive()
        if self.readsByItself { self.pipeline.read() }
    }

    /// Makes every later close of the connection a reset.
    package func endWithReset() {
        self.socket.endWithReset()
    }

    /// Bytes that handlers have written and flushed, and that have not been sent.
    package var waitingBytes: Int { self.socket.waitingBytes }

    /// Reads nothing more until it is asked to. A read that was requested during the current one is cancelled.
    package func pauseReading() {
        self.isReading = false
        self.socket.pauseReading()
    }

    package var isActive: Bool { self.activeFlag.load(ordering: .acquiring) }
    package var isWritable: Bool { self.writableFlag.load(ordering: .acquiring) }
    package var localAddress: SocketAddress? { self.local }
    package var remoteAddress: SocketAddress? { self.peer }

    /// Whether the socket is still open. For the loop's thread, on which this changes before `isActive` does.
    private var isOpen: Bool { self.hasStarted && self.socket.isOpen }

    private func ended() {
        self.hasStarted = false
        self.activeFlag.store(false, ordering: .releasing)
        self.writableFlag.store(false, ordering: .releasing)
        // Handlers are removed later, since one of them may be running now.
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
        guard wasWritable, self.socket.isOpen, !self.socket.isWritable else { return }
        self.writableFlag.store(false, ordering: .releasing)
        self.pipeline.fireChannelWritabilityChanged()
    }

    package func flush0() {
        self.socket.flush()
        self.flushes &+= 1
        if self.outputMemory != nil, !self.isNoted { self.becomeNoted(at: .now()) }
    }

    private func becomeNoted(at now: NIODeadline) {
        self.isNoted = true
        self.socket.loop.note(self, flushes: self.flushes, at: now)
    }

    /// Called some time after the channel had flushed so often.
    func rest(flushes: UInt32, at now: NIODeadline) {
        self.isNoted = false
        guard let outputMemory, self.socket.isOpen else { return }
        if self.flushes == flushes, self.socket.waitingBytes == 0 { outputMemory.giveBack() } else { self.becomeNoted(at: now) }
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

    /// Called with a read that reached the end of the pipeline unhandled; it is dropped.
    package func channelRead0(_ data: NIOAny) {}

    package func errorCaught0(error: any Error) {}
}

extension StreamSocketChannel: StreamSocketReceiver {
    /// Fewer bytes than this are copied, so that a handler that keeps them does not keep the whole read buffer.
    private static let copiedBytes = 8 * 1024

    package func socketConnected() { self.begin() }

    package func socketReceived(_ buffer: ByteBuffer) {
        let bytes = buffer.readableBytes <= Self.copiedBytes ? buffer.compacted() : buffer
        self.isReading = false
        self.pipeline.fireChannelRead(bytes)
    }

    package func socketReadCompleted() {
        // A handler that has asked for more while it handled these bytes gets more.
        if !self.isReading { self.socket.pauseReading() }
        self.pipeline.fireChannelReadComplete()
        if self.readsByItself, !self.isReading, self.isOpen { self.pipeline.read() }
    }

    package func socketInputEnded() {
        self.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    package func socketInputEndsSoon() {
        self.pipeline.fireUserInboundEventTriggered(InputEndsSoon())
    }

    package func socketBecameWritable() {
        self.writableFlag.store(true, ordering: .releasing)
        self.pipeline.fireChannelWritabilityChanged()
    }

    package func socketOutputClosed() {
        self.pipeline.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
    }

    package func socketClosed(_ error: (any Error)?) {
        self.activeFlag.store(false, ordering: .releasing)
        self.writableFlag.store(false, ordering: .releasing)
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

    /// The options that handlers use; others are set by whoever has made the socket.
    struct Options: NIOSynchronousChannelOptions {
        let channel: StreamSocketChannel

        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            guard option is ChannelOptions.Types.AutoReadOption, let readsByItself = value as? Bool else {
                throw ChannelError.operationUnsupported
            }
            self.channel.readsByItself = readsByItself
            if readsByItself, self.channel.isOpen { self.channel.pipeline.read() } else { self.channel.socket.pauseReading() }
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
