import EpollTransport
import Logging
import LogKeys
import Metrics
import NIOCore
import NIOSSL

/// Everything the connections of one event loop share. Touched on that loop only, so nothing in here is locked.
///
/// What every request touches is not watched for overlapping accesses at run time; see ``ClientConnection``.
final class ProxyWorker {
    let eventLoop: EpollEventLoop
    let options: ProxyOptions
    /// Those of `options`; not read through it, since that copies them all.
    let limits: ProxyLimits
    /// For connections to backends. Those of clients have it from their listening socket.
    let peerWatch: PeerWatch
    let logger: Logger
    let limiter: ConnectionLimiter
    private let load: WorkerLoad
    /// Decides; everything else here carries out.
    let policy: any ProxyPolicy

    /// Scratch space for the head being read.
    @exclusivity(unchecked) var table = FieldTable()
    /// Scratch space for the lines that the policy adds to a head.
    @exclusivity(unchecked) var addedFields = ByteBuffer()
    /// Scratch space for the fields of a response on a stream.
    @exclusivity(unchecked) var responseFields = ResponseFieldList()
    /// What receive windows of HTTP/2 may hold, on all event loops together.
    let uploads: UploadAllowance
    private var spareReader: HTTP2RequestReader?
    private var spareOutput = ByteBuffer()
    private static let spareOutputLimit = 128 * 1024
    @exclusivity(unchecked) var activity = ActivityList()
    @exclusivity(unchecked) var metrics: ProxyMetrics
    @exclusivity(unchecked) var date = HTTPDate()
    @exclusivity(unchecked) var requestIDs = RequestIDSource()
    let logsAccess: Bool
    let namesRequests: Bool
    let repeatsElsewhere: Bool
    /// New requests end their connections: the proxy is about to stop.
    private(set) var isDraining = false

    /// Lines of the access log that have not been handed over yet.
    private var accessLines = ByteBuffer()
    private let logLoop: any EventLoop
    private static let accessLinesLimit = 64 * 1024

    private let upstreams: UpstreamAllowance
    /// Requests that were not served since the last tick.
    private var failures = 0
    /// Of those, how many are told one by one: a stranger whose backend answers nothing could fill the log with them. 20 a second.
    private static let toldFailures = 10
    /// Connections whose requests wait for a name to be looked up, and those that wait for a route to change.
    private var asking: [String: [ClientConnection]] = [:]
    /// Waiting for what is found out now, not for what is remembered.
    private var askingAnew: [String: [ClientConnection]] = [:]
    private var holding: [String: [ClientConnection]] = [:]
    /// All open connections, in no order; each knows its place.
    private var connections: [ClientConnection] = []
    /// Kept once the last connection is gone, while draining.
    private var whenEmpty: [EventLoopPromise<Void>] = []

    init(
        eventLoop: EpollEventLoop, options: ProxyOptions, policies: some ProxyPolicySource, limiter: ConnectionLimiter, uploads: UploadAllowance,
        load: WorkerLoad, logLoop: any EventLoop, metrics: any MetricsFactory, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.limits = options.limits
        self.peerWatch = PeerWatch(options.limits)
        self.logsAccess = options.accessLog != nil
        self.namesRequests = options.namesRequests
        self.limiter = limiter
        self.uploads = uploads
        self.load = load
        self.logLoop = logLoop
        let allowance = UpstreamAllowance(limits: options.limits)
        self.upstreams = allowance
        let host = PolicyHost(eventLoop: eventLoop, limits: options.limits, allowance: allowance, logger: logger)
        self.policy = policies.makePolicy(for: host)
        self.repeatsElsewhere = self.policy.repeatsElsewhere
        self.metrics = ProxyMetrics(metrics, refusals: RefusalReason.engines + self.policy.refusalReasons)
        self.logger = logger
        host.worker = self
    }

    /// Puts another table into the place of the scratch space, and the other way round: whoever lends one puts it back, so that the memory of
    /// either is used again.
    @inline(__always)
    func exchangeTable(_ table: inout FieldTable) {
        swap(&self.table, &table)
    }

    // MARK: Scratch space of HTTP/2

    /// For fields that are about to come. A connection gives it back once it has them all, which mostly is at once.
    func takeHTTP2Reader() -> HTTP2RequestReader {
        defer { self.spareReader = nil }
        return self.spareReader ?? HTTP2RequestReader()
    }

    func giveBack(_ reader: HTTP2RequestReader) {
        self.spareReader = reader
    }

    /// For frames that are about to be written, so that a connection without any needs no memory for them.
    func takeOutputBuffer() -> ByteBuffer {
        defer { self.spareOutput = ByteBuffer() }
        return self.spareOutput
    }

    func giveBack(outputBuffer: consuming ByteBuffer) {
        guard outputBuffer.storageCapacity <= Self.spareOutputLimit, outputBuffer.storageCapacity > self.spareOutput.storageCapacity else { return }
        self.spareOutput = outputBuffer
        self.spareOutput.clear()
    }

    // MARK: Lookups

    /// Has the policy look a name up, and tells the connection with ``ClientConnection/lookedUp(_:_:)``. Connections asking for one name at
    /// one time share one question.
    func look(up name: String, for connection: ClientConnection, anew: Bool = false) {
        let waiting = anew ? self.askingAnew[name] : self.asking[name]
        if anew { self.askingAnew[name, default: []].append(connection) } else { self.asking[name, default: []].append(connection) }
        if waiting == nil { self.policy.lookUp(name, anew: anew) }
    }

    func lookedUp(_ name: String, anew: Bool, _ outcome: LookupOutcome) {
        var waiting = self.asking.removeValue(forKey: name) ?? []
        if anew { waiting += self.askingAnew.removeValue(forKey: name) ?? [] }
        for connection in waiting { connection.lookedUp(name, outcome) }
    }

    /// A route is another, or no more.
    func routeChanged(_ name: String, exists: Bool) {
        for connection in self.holding.removeValue(forKey: name) ?? [] {
            self.heldCountChanged(by: -1)
            connection.heldRouteChanged(name, exists: exists)
        }
    }

    // MARK: Access log

    func log(_ record: AccessRecord, seconds: Double) {
        guard let log = self.options.accessLog else { return }
        self.accessLines.writeString(record.line(log.format, seconds: seconds))
        if self.accessLines.readableBytes >= Self.accessLinesLimit { self.flushAccessLog() }
    }

    func flushAccessLog() {
        guard let log = self.options.accessLog, self.accessLines.readableBytes > 0 else { return }
        log.write(self.accessLines, on: self.logLoop)
        self.accessLines = ByteBuffer()
    }

    /// What log and metrics have not been told yet, when nothing more will happen.
    func flushPending() {
        self.tellOtherFailures()
        self.flushAccessLog()
        self.metrics.report()
    }

    /// Whether there is room in the log for one more request that was not served.
    func tellsFailure() -> Bool {
        guard self.options.tellsFailures else { return false }
        self.failures += 1
        return self.failures <= Self.toldFailures
    }

    private func tellOtherFailures() {
        let count = self.failures - Self.toldFailures
        self.failures = 0
        if count > 0 { self.logger.info("more requests were not served", metadata: [LogKey.count: "\(count)"]) }
    }

    // MARK: Holding

    func hold(_ connection: ClientConnection, for name: String) {
        self.holding[name, default: []].append(connection)
        self.heldCountChanged(by: 1)
    }

    func release(_ connection: ClientConnection, heldFor name: String) {
        guard var held = self.holding[name], let index = held.firstIndex(where: { $0 === connection }) else { return }
        held.swapAt(index, held.count - 1)
        held.removeLast()
        self.holding[name] = held.isEmpty ? nil : held
        self.heldCountChanged(by: -1)
    }

    private func heldCountChanged(by change: Int) {
        self.policy.heldRequestsChanged(by: change)
        self.metrics.heldChange += change
    }

    // MARK: Connections

    /// Serves a connection that was just taken, and is counted already.
    func serve(_ descriptor: CInt, peer: PeerAddress, for listener: ProxyListener) {
        let socket = StreamSocket(descriptor, on: self.eventLoop, writeMarks: self.limits.writeBufferBytes)
        let client = AddressKey(peer)
        do {
            switch listener.purpose {
            case .http where !listener.expectsProxyProtocol(from: client):
                try ClientConnection(worker: self, role: .proxy(isTLS: false), isInner: listener.isInner).start(on: socket, peer: client)
            case .redirect(let port) where !listener.expectsProxyProtocol(from: client):
                try ClientConnection(worker: self, role: .redirect(httpsPort: port)).start(on: socket, peer: client)
            case .http, .redirect, .https:
                let channel = StreamSocketChannel(socket, peer: peer.socketAddress)
                try self.addHandlers(to: channel, for: listener, client)
                // What fails now ends as a connection does.
                do { try channel.start() } catch { self.tell(error) }
            }
        } catch {
            self.tell(error)
            socket.close()
            self.load.remove()
            self.limiter.remove(nil)
        }
    }

    private func tell(_ error: any Error) {
        self.logger.warning("a connection could not be served", metadata: [LogKey.error: "\(error)"])
    }

    private func addHandlers(to channel: StreamSocketChannel, for listener: ProxyListener, _ client: AddressKey?) throws {
        let pipeline = channel.pipeline.syncOperations
        if listener.expectsProxyProtocol(from: client) { try pipeline.addHandler(ProxyProtocolHandler(logger: self.logger)) }
        let role: ClientRole
        switch listener.purpose {
        case .http: role = .proxy(isTLS: false)
        case .redirect(let port): role = .redirect(httpsPort: port)
        case .https(let certificates):
            if let context = certificates.context {
                try pipeline.addHandler(NIOSSLServerHandler(context: context))
            } else {
                try pipeline.addHandler(TLSRefusal(worker: self))
            }
            role = .proxy(isTLS: true)
        }
        try pipeline.addHandler(ClientConnection(worker: self, role: role, isInner: listener.isInner))
    }

    func add(_ connection: ClientConnection) {
        connection.place = self.connections.count
        self.connections.append(connection)
        if !connection.role.isStream { self.metrics.connectionsChange += 1 }
    }

    /// - Parameter owner: Whom the connection was counted for.
    func remove(_ connection: ClientConnection, owner: AddressKey?) {
        if !connection.role.isStream {
            self.metrics.connectionsChange -= 1
            self.load.remove()
        }
        self.limiter.remove(owner)
        let last = self.connections.removeLast()
        if last !== connection {
            self.connections[connection.place] = last
            last.place = connection.place
        }
        guard self.isDraining, self.connections.isEmpty else { return }
        let promises = self.whenEmpty
        self.whenEmpty = []
        for promise in promises { promise.succeed() }
    }

    /// Looks at every connection's deadline. One walk twice a second costs less than a timer per request.
    func tick() {
        let now = NIODeadline.now()
        // Connections on which nothing happens make room for those that wait.
        let idleLimit = self.limiter.isFull ? now + self.limits.keepAlive - self.limits.keepAliveWhenFull : now
        for connection in self.connections where connection.deadline <= now || (connection.deadline <= idleLimit && connection.isBetweenRequests) {
            connection.deadlinePassed()
        }
        self.upstreams.sweep(idleFor: self.limits.upstreamKeepAlive, burst: self.limits.upstreamBurst, now: now)
        self.tellOtherFailures()
        self.flushAccessLog()
        self.metrics.report()
    }

    /// How long a connection that was taken just before the end may take for its request.
    private static let firstRequestLimit: TimeAmount = .seconds(1)

    /// From now on connections end after their exchange. The promise succeeds when none is left.
    ///
    /// - Parameter endsIdle: Ends those between two requests now, though a client may be sending the next one at this moment, and gives
    ///   those that are new a moment for their first. Otherwise they are told after their next request, and after the usual time if
    ///   none comes.
    func drain(endsIdle: Bool, _ promise: EventLoopPromise<Void>) {
        self.isDraining = true
        if endsIdle {
            self.upstreams.closeAll()
            let firstRequestLimit = NIODeadline.now() + Self.firstRequestLimit
            for connection in self.connections where connection.isIdle {
                if connection.isBetweenRequests { connection.closeIdle() } else { connection.deadline = min(connection.deadline, firstRequestLimit) }
            }
        }
        for connection in self.connections where connection.request.carriesStreams { connection.http2?.quiesce() }
        if self.connections.isEmpty { return promise.succeed() }
        self.whenEmpty.append(promise)
    }

    /// Asks the users of all WebSockets to connect again, one after the other within `spread`, so that they do not all come at once.
    func endTunnels(within spread: TimeAmount) {
        let tunnels = self.connections.filter(\.request.isTunnel)
        for (index, connection) in tunnels.enumerated() {
            let delay = spread.nanoseconds * Int64(index) / Int64(tunnels.count)
            self.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { connection.endTunnel() }
        }
    }

    /// Ends what is open on routes that `isMeant` says yes to: see ``PolicyHost/endRequests(on:)``.
    func endRequests(on isMeant: (any ProxyRoute) -> Bool) -> Int {
        let meant = self.connections.filter { connection in connection.request.route.map(isMeant) ?? false }
        for connection in meant { connection.endForPolicy() }
        return meant.count
    }

    func closeAll() {
        for connection in self.connections {
            // What has begun must not look whole.
            if let exchange = connection.exchange, !exchange.awaitsHead { connection.cutOff() } else { connection.close() }
        }
        self.upstreams.closeAll()
    }
}
