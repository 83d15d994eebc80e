import EpollTransport
import Logging
import LogKeys
import NIOCore
import NIOSSL
import NIOTLS

/// A client's connection, or one stream of a client's HTTP/2 connection, and the owner of the one connection to a backend that serves it. Its transport is
/// the socket itself, the handlers of TLS before it in the pipeline, or an ``HTTP2Stream``.
///
/// ``RequestMachine`` keeps the state of the request, and ``ExchangeMachine`` knows what the bytes of an exchange mean; this class moves the bytes. Both
/// connections live on one event loop, so no byte and no event changes threads.
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
    /// For a client's HTTP/2 connection, what drives its streams; nil for HTTP/1.1 and for a single stream.
    var http2: HTTP2Connection?
    /// When ``deadlinePassed()`` is due.
    var deadline: NIODeadline = .distantFuture

    @exclusivity(unchecked) var transport = ClientTransport.none
    var forwarding = RequestHeadWriter.Forwarding.unknown
    /// Bytes from the client that have not been handled yet.
    ///
    /// For a stream, the head of its request until that has been sent; the ``HTTP2Stream`` keeps the body.
    @exclusivity(unchecked) var input = ByteBuffer()
    /// For a stream, the parsed head whose bytes are in `input`.
    @exclusivity(unchecked) var pendingHead: PendingHead?
    @exclusivity(unchecked) var requestScanner = HeadScanner()
    var isPaused = false
    private var heldBackRead = false
    /// The client has closed TCP without the closing alert of TLS, so no such alert will come.
    private var skipsFinalFrames = false
    @exclusivity(unchecked) var needsFlush = false
    /// Bytes written since the last flush. TLS handlers may hold them without counting them as waiting.
    private var unflushedBytes = 0
    /// Whether ``readRequests()`` is running.
    @exclusivity(unchecked) var isReadingRequests = false
    /// The next request is not read until the client has taken the answers to those before it.
    var awaitsRoom = false
    /// The first empty line before a request is skipped (RFC 9112 §2.2), a second one is not.
    var skippedEmptyLine = false

    // The current exchange, or the last one.
    @exclusivity(unchecked) var exchange: ExchangeMachine?
    var startedAt: NIODeadline = .uptimeNanoseconds(0)
    /// The head as it is sent to the backend, kept while it may have to be sent again.
    @exclusivity(unchecked) var outgoingHead: ByteBuffer?
    /// The head as the client sent it, kept while another endpoint may have to get the request.
    var keptHead: ByteBuffer?
    var upstream: UpstreamConnection?
    /// Bytes from the backend that have not been handled yet.
    @exclusivity(unchecked) var upstreamInput = ByteBuffer()
    @exclusivity(unchecked) var responseScanner = HeadScanner()
    var removesChunks = false
    /// For a response on a stream, the trailers behind its body, as lines.
    var responseTrailers = ByteBuffer()
    /// The status of the response that is being sent to the client; 0 for none.
    var openStatus = 0
    /// The counter in which the current exchange or tunnel is counted as open.
    private(set) var activity: ActivityCounter?
    /// Whether it is counted there as a tunnel, too.
    private var isCountedAsTunnel = false
    /// Tells keep-alives from traffic in a WebSocket whose backend may be frozen; nil for any other.
    private(set) var traffic: TunnelTraffic?

    /// The id under which logs mention the current request, or the last one; nil before the first.
    var requestID: RequestID?
    /// What the access log will say of the current request; nil without an access log.
    var record: AccessRecord?
    /// The address under which the limiter counts this connection.
    private var owner: AddressKey?
    /// Who the client is. A stream has this from its connection.
    private(set) var visitor: Visitor

    /// - Parameter isInner: The connection came to a listener for proxies of this system.
    init(worker: ProxyWorker, role: ClientRole, isInner: Bool = false) {
        self.worker = worker
        self.role = role
        self.visitor = Visitor(address: nil, isHTTPS: role.isHTTPS, isProxy: isInner)
    }

    // MARK: The beginning

    /// Begins to serve a client over a socket without TLS or other handlers.
    func start(on socket: StreamSocket, peer: AddressKey?) throws(IOError) {
        try socket.start(self)
        self.transport = .socket(socket)
        self.begin(for: peer)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.transport = .handlers(context)
        self.begin(for: context.channel.remoteAddress.flatMap(AddressKey.init))
    }

    /// Begins to serve the request of a stream, which the limiter has admitted, for the client of `connection`.
    func begin(on stream: HTTP2Stream, of connection: ClientConnection) {
        self.transport = .stream(stream)
        self.worker.add(self)
        self.forwarding = connection.forwarding
        self.visitor = connection.visitor
        self.visitor.isHTTP2 = true
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

    /// The peer is a balancer and has named the client it speaks for. If it speaks for itself, as in a health check, the connection keeps its address,
    /// without a limit per address.
    private func proxied(_ client: ProxiedClient) {
        if let owner { self.worker.limiter.release(owner) }
        self.owner = nil
        if let address = client.address { self.identify(address) }
    }

    /// The transport is gone: the connection is taken out of the worker's list.
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
        // Bytes that wait for more are copied, so that they do not keep the memory of a whole read.
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

    /// Whether the client takes what it is sent. Asked before more is written.
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

    /// The client's end of input has been seen, although nothing is being read now.
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

    /// All output, and its end, has been sent.
    private func outputClosed() {
        guard let closes = self.request.outputClosed() else { return }
        if closes { return self.close() }
        self.deadline = .now() + self.worker.limits.linger
    }

    /// Whether the connection waits for the next request; for HTTP/2, whether it has no open stream.
    var isBetweenRequests: Bool {
        if self.request.carriesStreams { self.http2?.isIdle == true } else { self.isIdle && self.startedAt == .distantFuture }
    }

    /// Ends a connection between two requests. If part of the last response is still unsent, that is sent before.
    func closeIdle() {
        self.flush()
        if self.transport.hasNothingToWrite { self.close() } else { self.closeLingering() }
    }

    /// Sends what was written, closes for sending, and discards what the client sends until ``ProxyLimits/linger`` has passed.
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

    /// Closes when everything written has been sent. Only used where no unread bytes of the client can be in the kernel, since those would cause a reset.
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
        // TLS waits for the client's closing alert, which has to be read.
        if self.isPaused, self.transport.waitsForLastWord { self.resumeReading() }
    }

    /// Whether the connection waits for a request of which no byte has come.
    var isIdle: Bool { self.request.isReadingHead && self.input.readableBytes == 0 }

    /// Releases everything but the transport. Harmless when repeated.
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

    /// Stops counting the exchange as open, and drops what was kept for it.
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

    /// Writes the current request to the access log if it has had a response; otherwise it will be tried again.
    func logAccess() {
        guard let record, record.status != 0 else { return }
        self.record = nil
        self.worker.log(record, seconds: Double((NIODeadline.now() - self.startedAt).nanoseconds) / 1e9)
    }

    /// Tells the policy that a request has ended, or has become a tunnel.
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
        if self.worker.activity.begin(activity) { self.worker.want(activity) }
        self.activity = activity
    }

    /// Counts the current exchange as a tunnel from now on.
    func countAsTunnel(isWebSocket: Bool) {
        guard let activity, !self.isCountedAsTunnel else { return }
        if isWebSocket, activity.hold != .never { self.traffic = TunnelTraffic() }
        activity.changeTunnels(by: 1, isWatched: self.traffic != nil)
        self.isCountedAsTunnel = true
    }

    func endActivity() {
        guard let activity else { return }
        if self.isCountedAsTunnel { activity.changeTunnels(by: -1, isWatched: self.traffic != nil) }
        self.traffic = nil
        self.worker.activity.end(activity)
        self.activity = nil
        self.isCountedAsTunnel = false
    }
}
