import EpollTransport
import Logging
import LogKeys
import NIOCore
import NIOSSL
import NIOTLS

/// A client's connection, or its stream of HTTP/2, and the owner of the one connection to a backend that serves it. What it speaks to is a
/// socket itself where nothing is in between, the handlers of TLS, behind which it is the last, or an ``HTTP2Stream``.
///
/// ``RequestMachine`` says where it stands, and ``ExchangeMachine`` what the bytes of an exchange mean; here they are moved. Both connections live
/// on one event loop, so no byte and no event changes threads.
///
/// One request at a time: what a client sends ahead stays in `input` and, beyond one read, in the kernel.
///
/// The properties touched for every request are not watched for overlapping accesses at run time, which cost some percent of a request:
/// what is called while one is being changed is a parser or a writer, which does not know this class.
///
/// Nothing is read from one side while the other has not taken what was read before, and no request is begun while its client has not
/// taken the answers to those before it: at most the write buffer's high mark plus one read is held per direction.
final class ClientConnection: ChannelInboundHandler, ChannelOutboundHandler, StreamSocketReceiver {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let worker: ProxyWorker
    let role: ClientRole
    /// Index in the worker's list.
    var place = 0
    @exclusivity(unchecked) var request = RequestMachine()
    /// What its client and the streams on it speak to, of a connection of HTTP/2.
    var http2: HTTP2Connection?
    /// When ``deadlinePassed()`` is due.
    var deadline: NIODeadline = .distantFuture

    @exclusivity(unchecked) var transport = ClientTransport.none
    var forwarding = RequestHeadWriter.Forwarding.unknown
    /// Bytes from the client not dealt with yet.
    ///
    /// Of a stream, the head of its request until that has been sent; what comes of the body is the stream's.
    @exclusivity(unchecked) var input = ByteBuffer()
    /// Of a stream, what is known of that head.
    @exclusivity(unchecked) var pendingHead: PendingHead?
    @exclusivity(unchecked) var requestScanner = HeadScanner()
    var isPaused = false
    private var heldBackRead = false
    /// The client has ended TCP without the word that ends TLS, which will not come any more.
    private var skipsFinalFrames = false
    @exclusivity(unchecked) var needsFlush = false
    /// Bytes written since the last flush, which handlers may keep without counting them.
    private var unflushedBytes = 0
    /// In the loop of ``readRequests()``.
    @exclusivity(unchecked) var isReadingRequests = false
    /// The next request waits until the client has taken answers to those before it.
    var awaitsRoom = false
    /// The first empty line before a request is skipped (RFC 9112 §2.2), a second one is not.
    var skippedEmptyLine = false

    // The exchange going on, or the last one.
    @exclusivity(unchecked) var exchange: ExchangeMachine?
    var startedAt: NIODeadline = .uptimeNanoseconds(0)
    /// The head as the backend sees it, kept while it may have to be sent (again).
    @exclusivity(unchecked) var outgoingHead: ByteBuffer?
    /// The head as the client sent it, where another endpoint may get it after one that has had it.
    var keptHead: ByteBuffer?
    var upstream: UpstreamConnection?
    /// Bytes from the backend not dealt with yet.
    @exclusivity(unchecked) var upstreamInput = ByteBuffer()
    @exclusivity(unchecked) var responseScanner = HeadScanner()
    var removesChunks = false
    /// Of a response on a stream, the fields behind its body, as lines.
    var responseTrailers = ByteBuffer()
    /// Of the response that has begun to go to the client and has not ended; 0 for none.
    var openStatus = 0
    /// What the exchange or tunnel is counted by.
    private var activity: ActivityCounter?
    /// As a tunnel, moreover.
    private var isCountedAsTunnel = false

    /// What the request in hand, or the last one, is called in logs; nil before the first.
    var requestID: RequestID?
    /// What the access log will say of the request in hand; nil where there is no log.
    var record: AccessRecord?
    /// Whom the connection is counted for.
    private var owner: AddressKey?
    /// Who the client is, which a stream has been told by its connection.
    private(set) var visitor: Visitor

    /// - Parameter isInner: It came to a listener for proxies of our own.
    init(worker: ProxyWorker, role: ClientRole, isInner: Bool = false) {
        self.worker = worker
        self.role = role
        self.visitor = Visitor(address: nil, isHTTPS: role.isHTTPS, isProxy: isInner)
    }

    // MARK: The beginning

    /// Begins to serve a client to whose socket nothing else speaks.
    func start(on socket: StreamSocket, peer: AddressKey?) throws(IOError) {
        try socket.start(self)
        self.transport = .socket(socket)
        self.begin(for: peer)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.transport = .handlers(context)
        self.begin(for: context.channel.remoteAddress.flatMap(AddressKey.init))
    }

    /// Begins to serve the request of a stream, which the limiter has admitted. Its client is that of its connection.
    func begin(on stream: HTTP2Stream, of connection: ClientConnection) {
        self.transport = .stream(stream)
        self.worker.add(self)
        self.forwarding = connection.forwarding
        self.visitor = connection.visitor
        self.owner = self.visitor.address?.owner
    }

    private func begin(for client: AddressKey?) {
        self.deadline = .now() + self.worker.limits.requestHead
        self.worker.add(self)
        self.identify(client)
    }

    /// - Parameter address: The client's; nil if it has none.
    private func identify(_ address: AddressKey?) {
        self.forwarding = RequestHeadWriter.Forwarding(
            clientAddress: address?.description ?? "unknown", scheme: self.role.scheme)
        self.visitor.address = address
        self.claim(address?.owner)
    }

    private func claim(_ owner: AddressKey?) {
        guard !self.visitor.isProxy, let owner else { return }
        if self.worker.limiter.claim(owner) {
            self.owner = owner
        } else {
            self.worker.metrics.connectionsRefused += 1
            self.close()
        }
    }

    /// The peer is a balancer and has said for whom it speaks: if for nobody else, it is the client, to whom no limit per address applies.
    private func proxied(_ client: ProxiedClient) {
        if let owner { self.worker.limiter.release(owner) }
        self.owner = nil
        if let address = client.address { self.identify(address) }
    }

    /// What carries its bytes is gone.
    private func ended() {
        self.enterClosed()
        self.transport = .none
        self.worker.remove(self, owner: self.owner)
    }

    // MARK: What comes

    private func received(_ buffer: ByteBuffer) {
        self.worker.metrics.receivedBytes += buffer.readableBytes
        switch self.request.state {
        case .head:
            self.append(buffer)
            self.readRequests()
        case .exchanging:
            self.append(buffer)
            self.forwardRequestBody()
        case .resolving, .holding, .connecting:
            self.append(buffer)
            self.pauseReading()
        case .tunnel:
            self.forwardTunnel(fromClient: buffer)
        case .streams: self.http2?.receive(buffer)
        case .lingering, .closed: break
        }
    }

    /// The stream is closed.
    func streamClosed() { self.ended() }

    private func readCompleted() {
        self.upstream?.flush()
        self.flush()
        // What has to wait for more does not keep the memory of a whole read.
        if self.input.readableBytes > 0 { self.input = self.input.compacted() }
    }

    private func failed(_ error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown:
            self.skipsFinalFrames = true
            return  // the end of what the client sends, which is told as well
        case NIOSSLError.handshakeFailed: self.worker.metrics.handshakesFailed += 1
        default: break
        }
        self.worker.logger.debug("client connection failed", metadata: [LogKey.error: "\(error)"])
        self.transport.close()
    }

    // MARK: From a socket

    func socketConnected() {}

    func socketReceived(_ buffer: ByteBuffer) { self.received(buffer) }

    func socketReadCompleted() { self.readCompleted() }

    func socketInputEnded() { self.clientEnded() }

    func socketInputEndsSoon() { self.clientEndsSoon() }

    func socketBecameWritable() { self.clientBecameWritable() }

    func socketOutputClosed() { self.outputClosed() }

    func socketClosed(_ error: (any Error)?) {
        if let error { self.worker.logger.debug("client connection failed", metadata: [LogKey.error: "\(error)"]) }
        self.ended()
    }

    // MARK: From handlers

    func handlerRemoved(context: ChannelHandlerContext) { self.ended() }

    func read(context: ChannelHandlerContext) {
        if self.isPaused {
            self.heldBackRead = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.readCompleted() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.clientBecameWritable() } else { self.clientBecameFull() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: self.clientEnded()
        case is StreamSocketChannel.InputEndsSoon: self.clientEndsSoon()
        case ChannelEvent.outputClosed: self.outputClosed()
        case TLSUserEvent.handshakeCompleted(let negotiated):
            self.worker.metrics.handshakes += 1
            if negotiated == "h2" { self.becomeHTTP2() }
        case let event as ProxiedClient: self.proxied(event)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.failed(error) }

    func channelInactive(context: ChannelHandlerContext) { self.enterClosed() }

    // MARK: Reading and writing

    private func append(_ buffer: ByteBuffer) {
        if self.input.readableBytes == 0 {
            self.input = buffer
        } else {
            self.input.writeImmutableBuffer(buffer)
        }
    }

    func pauseReading() {
        self.isPaused = true
        self.transport.pauseReading()
    }

    func resumeReading() {
        let isOwed = self.heldBackRead
        self.heldBackRead = false
        self.isPaused = false
        self.transport.resumeReading(isOwed: isOwed)
    }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        self.needsFlush = true
        self.unflushedBytes += buffer.readableBytes
        self.worker.metrics.sentBytes += buffer.readableBytes
        if let record { record.bytes += buffer.readableBytes }
        self.transport.write(buffer)
    }

    /// Hands everything written so far to the kernel.
    @inline(__always)
    func flush() {
        guard self.needsFlush else { return }
        self.needsFlush = false
        self.unflushedBytes = 0
        self.transport.flush()
    }

    /// Whether the client takes what it is given. Asked before it is given more.
    @inline(__always)
    func hasRoom() -> Bool {
        if self.unflushedBytes >= self.worker.limits.writeBufferBytes.upperBound { self.flush() }
        return self.transport.isWritable
    }

    // MARK: The end

    private func clientEnded() {
        if self.request.isClosed, self.skipsFinalFrames { return self.transport.closeAtOnce() }
        self.carryOut(self.request.clientEnded())
    }

    /// Told early, because nothing is read now.
    private func clientEndsSoon() {
        if self.request.isClosed { return self.transport.closeAtOnce() }
        self.carryOut(self.request.clientEndsSoon())
    }

    private func carryOut(_ end: RequestMachine.ClientEnd) {
        switch end {
        case .close: self.close()
        case .passOn(let end): self.passOn(end)
        case .ignore: break
        }
    }

    /// All that was written has left, and the end of it.
    private func outputClosed() {
        guard let closes = self.request.outputClosed() else { return }
        if closes { return self.close() }
        self.deadline = .now() + self.worker.limits.linger
    }

    /// Waits for a request behind one that has been answered, or for streams behind those that have ended.
    var isBetweenRequests: Bool {
        if self.request.carriesStreams { self.http2?.isIdle == true } else { self.isIdle && self.startedAt == .distantFuture }
    }

    /// Ends a connection between two requests. The last response may not have left as a whole.
    func closeIdle() {
        self.flush()
        if self.transport.hasNothingToWrite { self.close() } else { self.closeLingering() }
    }

    /// Sends what was written, says that nothing follows, and reads on for a moment without listening.
    func closeLingering() {
        if self.role.isStream { return self.endStream() }
        self.http2?.end()
        self.endExchange()
        self.dropUpstream()
        self.input = ByteBuffer()
        guard self.request.linger() else { return }
        self.deadline = .now() + self.worker.limits.writeIdle
        self.needsFlush = true
        self.flush()
        self.transport.closeOutput()
        self.resumeReading()
    }

    /// Closes when everything written has left. Only where nothing unread from the client can be waiting in the kernel.
    func closeAfterFlush() {
        if self.role.isStream { return self.endStream() }
        self.flush()
        if self.request.isClosed { return }
        if self.transport.hasNothingToWrite { return self.close() }
        self.deadline = .now() + self.worker.limits.writeIdle
        self.transport.closeWhenFlushed { self.close() }
    }

    func close() {
        self.enterClosed()
        if self.skipsFinalFrames { return self.transport.closeAtOnce() }
        self.transport.close()
        // TLS waits for the client's last word, which has to be read.
        if self.isPaused, self.transport.waitsForLastWord { self.resumeReading() }
    }

    /// Waits for a request of which nothing has come.
    var isIdle: Bool { self.request.isReadingHead && self.input.readableBytes == 0 }

    /// Lets go of everything but the transport. Harmless when repeated.
    func enterClosed() {
        let route = self.request.route
        switch self.request.close() {
        case .already: return
        case .held(let name):
            self.worker.release(self, heldFor: name)
            self.ended(status: 0, of: nil)
        case .lookup: self.ended(status: 0, of: nil)
        case .exchange: if self.exchange != nil { self.ended(status: self.openStatus, of: route) }
        case .tunnel: self.worker.metrics.tunnelsChange -= 1
        case .idle: break
        }
        self.awaitsRoom = false
        self.deadline = .distantFuture
        if let record, record.status == 0 { record.status = AccessRecord.clientGone }
        self.endExchange()
        self.dropUpstream()
        self.input = ByteBuffer()
        self.pendingHead = nil
        self.http2?.end()
    }

    /// What is counted stops counting; what was kept for this exchange goes.
    func endExchange() {
        self.logAccess()
        self.endActivity()
        if self.openStatus != 0 { self.worker.metrics.responded(status: self.openStatus) }
        self.openStatus = 0
        self.exchange = nil
        self.outgoingHead = nil
        self.keptHead = nil
        self.removesChunks = false
    }

    /// The request in hand has had its response, if it has: otherwise it will be tried again.
    func logAccess() {
        guard let record, record.status != 0 else { return }
        self.record = nil
        self.worker.log(record, seconds: Double((NIODeadline.now() - self.startedAt).nanoseconds) / 1e9)
    }

    /// Tells the policy.
    func ended(status: Int, of route: (any ProxyRoute)?, failure: RequestFailure? = nil) {
        let hasBegun = self.startedAt != .uptimeNanoseconds(0) && self.startedAt != .distantFuture
        let request = EndedRequest(status: status, duration: hasBegun ? NIODeadline.now() - self.startedAt : .zero, failure: failure)
        self.worker.policy.ended(request, onCarried: route)
    }

    func dropUpstream() {
        self.upstream?.close()
        self.upstream = nil
        self.upstreamInput = ByteBuffer()
        self.responseScanner = HeadScanner()
    }

    func beginActivity(_ route: any ProxyRoute) {
        guard let activity = route.activity, self.activity == nil else { return }
        self.worker.activity.begin(activity)
        self.activity = activity
    }

    /// What was counted as an exchange goes on as a tunnel.
    func countAsTunnel() {
        guard let activity, !self.isCountedAsTunnel else { return }
        activity.changeTunnels(by: 1)
        self.isCountedAsTunnel = true
    }

    func endActivity() {
        guard let activity else { return }
        if self.isCountedAsTunnel { activity.changeTunnels(by: -1) }
        self.worker.activity.end(activity)
        self.activity = nil
        self.isCountedAsTunnel = false
    }
}
