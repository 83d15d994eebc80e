import HTTPTypes
import NIOCore
import NIOHTTP1

/// Has the requests of one connection answered, one after the other in their order, and writes the answers.
///
/// Everything that a client can make it hold is bounded: a body by `HTTPLimits`, requests behind the one that is being answered by one read from the
/// socket and by their number, answers that the client does not read by the channel's watermark, and every wait for the client by a deadline.
final class RequestHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    typealias Responder = @Sendable (IncomingRequest) async -> Reply

    /// A request and its answer.
    private final class Exchange {
        let number: UInt64
        let isHead: Bool
        /// Whether the client knows chunks.
        let isChunkable: Bool
        let isOld: Bool
        /// Released when a stream begins, which may be open for days.
        var request: IncomingRequest?
        /// Nil where there is none, and where nobody wants it any more.
        var body: RequestBody?
        /// Whether another request may follow.
        var keepsConnection: Bool
        /// Whether the whole request is here.
        var isWhole = false
        var hasBegun = false
        var task: Task<Void, Never>?
        var stream: Stream?

        init(number: UInt64, request: IncomingRequest, head: HTTPRequestHead) {
            self.number = number
            self.request = request
            self.body = request.body
            self.isHead = request.method == "HEAD"
            self.isOld = head.version.major < 1 || head.version.major == 1 && head.version.minor == 0
            self.isChunkable = !self.isOld
            // The decoder reads nothing behind a request for another protocol, or for a tunnel, which is answered like any other one.
            self.keepsConnection = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        }

        var connectionField: String? { self.keepsConnection ? (self.isOld ? "keep-alive" : nil) : "close" }
    }

    private struct Stream {
        /// Whether it is over when the client has closed its side, because nothing is written for so long that a client that is gone would not be noticed.
        let endsWithInput: Bool
        /// What keeps statuses coming.
        let subscription: (any Sendable)?
    }

    private enum State {
        /// For the head of a request.
        case waiting
        case answering(Exchange)
        /// The answer is written; the rest of the request's body, of which so many bytes have come, is dropped.
        case discarding(bytes: Int)
        /// The last answer is written; what still comes is dropped, so that the client is not kept from reading the answer by a reset.
        case closing(bytes: Int)
        case closed
    }

    private let loop: any EventLoop
    private let tasks: EventLoopTasks
    private let respond: Responder
    private let deadlines: HTTPDeadlines
    private var context: ChannelHandlerContext?
    private var state = State.waiting
    private var count: UInt64 = 0
    /// Parts of later requests. While there are some, nothing is read.
    private var queue = CircularBuffer<HTTPServerRequestPart>()
    private var isReadWanted = false
    private var isBodyHeld = false
    private var isInputClosed = false
    private var isOutputClosed = false
    private var isQuiescing = false
    private var delaysFlush = false
    /// When the present wait for the client ends; nil while nothing is expected of it.
    private var deadline: NIODeadline?
    private var timer: (at: NIODeadline, scheduled: Scheduled<Void>)?
    private lazy var peer = self.context?.channel.remoteAddress?.ipAddress ?? ""

    init(loop: any EventLoop, deadlines: HTTPDeadlines, respond: @escaping Responder) {
        self.loop = loop
        self.tasks = EventLoopTasks(loop: loop)
        self.deadlines = deadlines
        self.respond = respond
    }

    // MARK: The connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.wait(atMost: self.deadlines.idle)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func end() {
        if case .answering(let exchange) = self.state {
            exchange.body?.fail(.brokenOff)
            // Whatever else is being done goes on without the client, as it would if only the answer was lost.
            if exchange.stream != nil { exchange.task?.cancel() }
            exchange.stream = nil
        }
        self.state = .closed
        self.queue = CircularBuffer()
        self.deadline = nil
        self.timer?.scheduled.cancel()
        self.timer = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: self.inputClosed()
        case is ChannelShouldQuiesceEvent:
            self.isQuiescing = true
            switch self.state {
            case .waiting, .discarding: self.closeBehindAnswers()
            case .answering(let exchange): exchange.keepsConnection = false
            case .closing, .closed: break
            }
        case is HTTPConnections.Abandonment:
            if case .answering(let exchange) = self.state { exchange.task?.cancel() }
            self.close()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func inputClosed() {
        self.isInputClosed = true
        switch self.state {
        case .waiting: if self.queue.isEmpty { self.closeBehindAnswers() }
        case .answering(let exchange):
            if !exchange.isWhole { exchange.body?.fail(.brokenOff) }
            if exchange.stream?.endsWithInput ?? false { self.close() }
        case .discarding: self.closeBehindAnswers()
        case .closing: if self.isOutputClosed { self.close() }
        case .closed: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case ByteToMessageDecoderError.dataReceivedInErrorState(_, let rest)? = error as? ByteToMessageDecoderError {
            // What comes behind what was no HTTP is dropped, so that the answer to that, and those before it, can be read.
            switch self.state {
            case .closing(let bytes): return self.drop(rest, after: bytes) { .closing(bytes: $0) }
            case .answering(let exchange) where exchange.stream == nil: return
            case .waiting, .answering, .discarding, .closed: break
            }
        }
        guard error is HTTPParserError else { return self.close() }
        // Nothing that comes behind it is read any more.
        switch self.state {
        case .waiting:
            var buffer = context.channel.allocator.buffer(capacity: 128)
            ResponseText.writeHead(status: 400, HTTPFields(), .length(0), connection: "close", to: &buffer)
            self.writeLast(buffer)
        case .answering(let exchange):
            exchange.keepsConnection = false
            if !exchange.isWhole { exchange.body?.fail(.brokenOff) }
        case .discarding: self.close()
        case .closing, .closed: break
        }
    }

    private func close() { self.context?.close(promise: nil) }

    /// Closes the connection when the client has taken the answers that are on their way to it.
    private func closeBehindAnswers() {
        guard let context = self.context else { return }
        self.state = .closing(bytes: 0)
        self.queue = CircularBuffer()
        self.wait(atMost: self.deadlines.idle)
        let this = NIOLoopBound(self, eventLoop: self.loop)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in this.value.close() }
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        if self.queue.isEmpty, !self.isBodyHeld { context.read() } else { self.isReadWanted = true }
    }

    private func resumeReading() {
        guard self.isReadWanted, self.queue.isEmpty, !self.isBodyHeld else { return }
        self.isReadWanted = false
        self.context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = self.unwrapInboundIn(data)
        guard !self.queue.isEmpty || !self.take(part) else { return }
        guard self.queue.count < HTTPLimits.queuedParts else { return self.close() }
        self.queue.append(part)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Here, so that the body is there already when it is asked for.
        self.begin()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.takeQueue() }
        context.fireChannelWritabilityChanged()
    }

    private func takeQueue() {
        while let part = self.queue.first, self.take(part) { self.queue.removeFirst() }
        self.begin()
        if case .waiting = self.state, self.isInputClosed, self.queue.isEmpty { return self.closeBehindAnswers() }
        self.resumeReading()
    }

    /// - Returns: false where the part has to wait for the end of the present exchange.
    private func take(_ part: HTTPServerRequestPart) -> Bool {
        switch (self.state, part) {
        case (.waiting, .head(let head)):
            // A client that asks on without reading the answers is not asked what else it wants.
            guard self.context?.channel.isWritable ?? false else { return false }
            self.accept(head)
        case (.answering(let exchange), .body(let piece)) where !exchange.isWhole:
            guard let body = exchange.body else { break }
            body.append(piece)
            if body.heldBytes > HTTPLimits.heldBytes { self.isBodyHeld = true }
        case (.answering(let exchange), .end) where !exchange.isWhole:
            exchange.isWhole = true
            exchange.body?.complete()
            self.deadline = nil
        case (.answering, _): return false
        case (.discarding(let bytes), .body(let piece)): self.drop(piece, after: bytes) { .discarding(bytes: $0) }
        case (.discarding, .end):
            self.state = .waiting
            self.wait(atMost: self.deadlines.idle)
        case (.closing(let bytes), .body(let piece)): self.drop(piece, after: bytes) { .closing(bytes: $0) }
        // The decoder tells of no body and no end before a head.
        case (.waiting, _), (.discarding, .head), (.closing, _), (.closed, _): break
        }
        return true
    }

    private func drop(_ piece: ByteBuffer, after bytes: Int, _ next: (Int) -> State) {
        let bytes = bytes + piece.readableBytes
        if bytes > HTTPLimits.droppedBytes { self.close() } else { self.state = next(bytes) }
    }

    // MARK: Answering

    private func accept(_ head: HTTPRequestHead) {
        self.deadline = nil
        self.count += 1
        let (number, this) = (self.count, NIOLoopBound(self, eventLoop: self.loop))
        let request = IncomingRequest(head, peer: self.peer) {
            if this.eventLoop.inEventLoop { this.value.bodyIsAwaited(number) } else { this.eventLoop.execute { this.value.bodyIsAwaited(number) } }
        }
        let exchange = Exchange(number: number, request: request, head: head)
        if self.isQuiescing { exchange.keepsConnection = false }
        self.state = .answering(exchange)
    }

    private func begin() {
        guard case .answering(let exchange) = self.state, !exchange.hasBegun, let request = exchange.request, let context = self.context else { return }
        exchange.hasBegun = true
        if request.awaitsContinue, !exchange.isOld {
            context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(string: ResponseText.goOn)), promise: nil)
        }
        exchange.task = Self.task(on: self.tasks, request, exchange.number, NIOLoopBound(self, eventLoop: self.loop), self.respond)
    }

    /// Joins HTTP's callbacks to what answers. The task ends with its answer, and is cancelled when the client of a stream is gone or the process ends.
    private static func task(
        on executor: EventLoopTasks, _ request: IncomingRequest, _ number: UInt64, _ this: NIOLoopBound<RequestHandler>, _ respond: @escaping Responder
    ) -> Task<Void, Never> {
        Task(executorPreference: executor) { await Self.answer(request, number, this, respond) }
    }

    private static func answer(_ request: IncomingRequest, _ number: UInt64, _ this: NIOLoopBound<RequestHandler>, _ respond: Responder) async {
        let reply = await respond(request)
        let loop = this.eventLoop
        // The loop is this task's executor, so it nearly always is there already.
        let outlet: StreamOutlet?
        if loop.inEventLoop { outlet = this.value.send(reply, number) } else { outlet = try? await loop.submit { this.value.send(reply, number) }.get() }
        guard case .stream(let write) = reply.body, let outlet else { return }
        var pieces = PieceWriter(outlet)
        do {
            try await write(&pieces)
            outlet.finish()
        } catch {
            // Without its last chunk the client knows that the body is not complete.
            outlet.breakOff()
        }
    }

    private func exchange(_ number: UInt64) -> Exchange? {
        guard case .answering(let exchange) = self.state, exchange.number == number else { return nil }
        return exchange
    }

    private func bodyIsAwaited(_ number: UInt64) {
        guard let exchange = self.exchange(number), !exchange.isWhole else { return }
        self.wait(atMost: self.deadlines.body)
        self.isBodyHeld = false
        self.resumeReading()
    }

    /// - Returns: where the pieces go of a body that is a stream.
    private func send(_ reply: Reply, _ number: UInt64) -> StreamOutlet? {
        // If it is another one, the client is gone.
        guard let context = self.context, let exchange = self.exchange(number) else { return nil }
        // A body that is too long or too slow is not read to its end; the connection is closed instead.
        if reply.status == 413 || reply.status == 408 { exchange.keepsConnection = false }
        switch reply.body {
        case .bytes(let bytes):
            var buffer = context.channel.allocator.buffer(capacity: 512 + bytes.count)
            ResponseText.writeHead(
                status: reply.status, reply.fields, reply.status == 204 ? .byEnd : .length(bytes.count), connection: exchange.connectionField, to: &buffer)
            if !exchange.isHead { buffer.writeBytes(bytes) }
            self.finish(exchange, with: buffer)
            return nil
        case .stream: return self.open(exchange, reply, nil, context)
        case .pushed(let pushed): return self.open(exchange, reply, pushed, context)
        }
    }

    private func open(_ exchange: Exchange, _ reply: Reply, _ pushed: Reply.PushedStream?, _ context: ChannelHandlerContext) -> StreamOutlet? {
        if !exchange.isChunkable { exchange.keepsConnection = false }
        var buffer = context.channel.allocator.buffer(capacity: 512)
        ResponseText.writeHead(
            status: reply.status, reply.fields, exchange.isChunkable ? .chunked : .byEnd, connection: exchange.connectionField, to: &buffer)
        guard !exchange.isHead else {
            self.finish(exchange, with: buffer)
            return nil
        }
        exchange.request = nil
        // What is still to come of it is read and dropped.
        exchange.body = nil
        self.isBodyHeld = false
        exchange.stream = Stream(endsWithInput: reply.endsWithInput, subscription: pushed?.subscription)
        let outlet = StreamOutlet(self, exchange: exchange.number, loop: self.loop)
        context.write(self.wrapOutboundOut(buffer), promise: nil)
        if let pushed {
            exchange.task = nil
            // Head and earlier pieces go out together.
            self.delaysFlush = true
            pushed.begin(outlet)
            self.delaysFlush = false
        }
        context.flush()
        if self.isInputClosed, reply.endsWithInput { self.close() } else { self.resumeReading() }
        return outlet
    }

    private func finish(_ exchange: Exchange, with buffer: ByteBuffer) {
        exchange.stream = nil
        guard let context = self.context, exchange.keepsConnection, !self.isInputClosed || exchange.isWhole && !self.queue.isEmpty else {
            return self.writeLast(buffer)
        }
        let patience = self.deadlines.idle(behind: buffer.readableBytes)
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        self.isBodyHeld = false
        self.state = exchange.isWhole ? .waiting : .discarding(bytes: 0)
        self.wait(atMost: patience)
        self.takeQueue()
    }

    private func writeLast(_ buffer: ByteBuffer) {
        guard let context = self.context else { return }
        self.state = .closing(bytes: 0)
        self.queue = CircularBuffer()
        self.isBodyHeld = false
        self.wait(atMost: self.deadlines.idle(behind: buffer.readableBytes))
        let this = NIOLoopBound(self, eventLoop: self.loop)
        context.writeAndFlush(self.wrapOutboundOut(buffer)).whenComplete { _ in this.value.closeOutput() }
        self.resumeReading()
    }

    private func closeOutput() {
        self.isOutputClosed = true
        guard !self.isInputClosed else { return self.close() }
        self.wait(atMost: self.deadlines.closing)
        self.context?.close(mode: .output, promise: nil)
    }

    // MARK: Streams

    func write(_ bytes: [UInt8], of number: UInt64, promise: EventLoopPromise<Void>?) {
        guard let context = self.context, let exchange = self.exchange(number), exchange.stream != nil else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard !bytes.isEmpty else {
            promise?.succeed()
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: bytes.count + 16)
        if exchange.isChunkable { ResponseText.writeChunk(bytes, to: &buffer) } else { buffer.writeBytes(bytes) }
        context.write(self.wrapOutboundOut(buffer), promise: promise)
        if !self.delaysFlush { context.flush() }
    }

    func push(_ bytes: [UInt8], isVital: Bool, of number: UInt64) {
        guard self.exchange(number)?.stream != nil else { return }
        if self.context?.channel.isWritable ?? false { self.write(bytes, of: number, promise: nil) } else if isVital { self.close() }
    }

    func finishStream(_ number: UInt64) {
        guard let context = self.context, let exchange = self.exchange(number), exchange.stream != nil else { return }
        self.finish(exchange, with: context.channel.allocator.buffer(string: exchange.isChunkable ? ResponseText.lastChunk : ""))
    }

    func breakOff(_ number: UInt64) {
        if self.exchange(number)?.stream != nil { self.close() }
    }

    // MARK: Deadlines

    /// The timer of an earlier deadline is left as it is, and set anew when it fires: most deadlines are moved long before they are reached.
    private func wait(atMost limit: TimeAmount) {
        let deadline = NIODeadline.now() + limit
        self.deadline = deadline
        if self.timer.map({ deadline < $0.at }) ?? true { self.schedule(deadline) }
    }

    private func schedule(_ deadline: NIODeadline) {
        self.timer?.scheduled.cancel()
        let this = NIOLoopBound(self, eventLoop: self.loop)
        self.timer = (deadline, self.loop.scheduleTask(deadline: deadline) { this.value.timerFired() })
    }

    private func timerFired() {
        self.timer = nil
        guard let deadline = self.deadline else { return }
        guard deadline <= .now() else { return self.schedule(deadline) }
        self.deadline = nil
        switch self.state {
        case .answering(let exchange): exchange.body?.fail(.tooSlow)
        case .waiting, .discarding, .closing: self.close()
        case .closed: break
        }
    }
}
