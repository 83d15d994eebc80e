import NIOCore

/// The handler on a connection to a backend. Decides nothing: tells its client connection what happened and does what it is told.
/// Between two exchanges it has no client and waits in its pool.
final class UpstreamConnection: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let pool: UpstreamPool
    /// Since when it waits for the next request.
    private(set) var idleSince: NIODeadline = .distantFuture
    /// Nil while idle, and once either side has let go, which breaks the cycle. Not weak: a weak reference makes every retain and release of the
    /// client connection go through a side table.
    private var client: ClientConnection?
    private var context: ChannelHandlerContext?
    private var isPaused = false
    private var heldBackRead = false
    /// Something was written since the last flush, which is called for at more than one end of a read.
    private var needsFlush = false
    @exclusivity(unchecked) private var output = DirectOutput()
    private var inputHasEnded = false
    private var failure: (any Error)?

    init(pool: UpstreamPool, client: ClientConnection) {
        self.pool = pool
        self.client = client
    }

    // MARK: From the pool

    func becomeIdle(since now: NIODeadline) {
        self.client = nil
        self.idleSince = now
        self.resumeReading()
    }

    @inline(__always)
    func serve(_ client: ClientConnection) {
        self.client = client
    }

    // MARK: From the client connection

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        self.needsFlush = true
        guard let context, !self.output.keep(buffer, context: context) else { return }
        if let kept = self.output.takeKept() { context.write(self.wrapOutboundOut(kept), promise: nil) }
        context.write(self.wrapOutboundOut(buffer), promise: nil)
    }

    @inline(__always)
    func flush() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        guard let context else { return }
        switch self.output.flush(isActive: context.channel.isActive) {
        case .sent: break
        case .rest(let rest): context.writeAndFlush(self.wrapOutboundOut(rest), promise: nil)
        case .nothingKept: context.flush()
        }
    }

    func closeOutput() {
        self.flush()
        self.context?.close(mode: .output, promise: nil)
    }

    func close() {
        self.client = nil
        self.context?.close(promise: nil)
    }

    /// Closes once everything written has left, or when that takes too long.
    func closeAfterFlush(within limit: TimeAmount) {
        self.client = nil
        guard let context else { return }
        self.flush()
        let channel = context.channel
        let cut = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in
            cut.cancel()
            channel.close(promise: nil)
        }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
    }

    func pauseReading() {
        self.isPaused = true
    }

    func resumeReading() {
        self.isPaused = false
        if self.heldBackRead {
            self.heldBackRead = false
            self.context?.read()
        }
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.client = nil
    }

    func read(context: ChannelHandlerContext) {
        if self.isPaused {
            self.heldBackRead = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let client else { return self.spokeUnasked() }
        client.upstreamRead(self, self.unwrapInboundIn(data))
    }

    /// What a backend says without being asked must not become the answer to the next request.
    private func spokeUnasked() {
        self.pool.forget(self)
        self.close()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.client?.flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.client?.upstreamBecameWritable() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.inputHasEnded = true
        guard let client else { return self.spokeUnasked() }
        client.upstreamEnded(self, clean: true)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = error
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.client == nil {
            self.pool.forget(self)
        } else if self.inputHasEnded {
            self.client?.upstreamClosed(self)
        } else {
            // Without an error the peer closed; the end of input was not announced because we closed or reset in the same moment.
            self.client?.upstreamEnded(self, clean: self.failure == nil)
            self.client?.upstreamClosed(self)
        }
        self.client = nil
    }
}
