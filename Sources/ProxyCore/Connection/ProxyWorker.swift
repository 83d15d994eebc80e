import EpollTransport
import Logging
import LogKeys
import Metrics
import NIOCore
import NIOSSL
import Synchronization

/// Everything the connections of one event loop share. Touched on that loop only, so nothing in here is locked.
///
/// What every request touches is not watched for overlapping accesses at run time; see ``ClientConnection``.
final class ProxyWorker {
    let eventLoop: EpollEventLoop
    let options: ProxyOptions
    /// The limits in `options`, kept apart because reading them through `options` would copy all of them.
    let limits: ProxyLimits
    /// How TCP finds out that a peer is gone, for connections to backends. Those of clients inherit it from their listening socket.
    let peerWatch: KeepAliveProbes
    let logger: Logger
    let limiter: ConnectionLimiter
    private let load: WorkerLoad
    /// Decides what happens to requests; everything else here carries that out.
    let policy: any ProxyPolicy

    /// Scratch space for the head being read.
    @exclusivity(unchecked) var table = FieldTable()
    /// Scratch space for the lines that the policy adds to a head.
    @exclusivity(unchecked) var addedFields = ByteBuffer()
    /// Scratch space for the fields of a response on a stream.
    @exclusivity(unchecked) var responseFields = ResponseFieldList()
    /// Shared by all event loops: the bytes that receive windows of HTTP/2 may hold.
    let uploads: UploadAllowance
    /// Connections of HTTP/2 that may be idle.
    @exclusivity(unchecked) var resting = RestingConnections()
    private var spareReader: HTTP2RequestReader?
    private var spareOutput = ByteBuffer()
    private static let spareOutputLimit = 128 * 1024
    @exclusivity(unchecked) var activity = ActivityList()
    /// Writes down which frozen backends are wanted. Owns this worker.
    weak var flusher: ActivityFlusher?
    @exclusivity(unchecked) var metrics: ProxyMetrics
    @exclusivity(unchecked) var date = HTTPDate()
    @exclusivity(unchecked) var requestIDs = RequestIDSource()
    let logsAccess: Bool
    let namesRequests: Bool
    let repeatsElsewhere: Bool
    /// Connections are closed after their next exchange, because the proxy is about to stop.
    private(set) var isDraining = false

    /// Lines of the access log that have not been handed to the thread that writes them.
    private var accessLines = ByteBuffer()
    private let logLoop: any EventLoop
    private static let accessLinesLimit = 64 * 1024

    private let upstreams: UpstreamAllowance
    /// Requests that were not served since the last tick.
    private var failures = 0
    /// How many of them are logged one by one in each half second, that is 20 a second. A backend that fails all the time would fill the log otherwise.
    private static let reportedFailures = 10
    /// Connections whose requests wait for a name to be looked up, and those that wait for a route to change.
    private var asking: [String: [ClientConnection]] = [:]
    /// Connections that wait for a lookup which must not be answered from memory.
    private var askingAnew: [String: [ClientConnection]] = [:]
    private var holding: [String: [ClientConnection]] = [:]
    /// All open connections, in no order; each knows its place.
    private var connections: [ClientConnection] = []
    /// Succeed when the last connection is gone, while draining.
    private var whenEmpty: [EventLoopPromise<Void>] = []

    init(
        eventLoop: EpollEventLoop, options: ProxyOptions, policies: some ProxyPolicySource, limiter: ConnectionLimiter, uploads: UploadAllowance,
        load: WorkerLoad, logLoop: any EventLoop, metrics: any MetricsFactory, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.limits = options.limits
        self.peerWatch = KeepAliveProbes(options.limits)
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

    /// Swaps the scratch table for another one. Whoever lends a table swaps again afterwards, so that the memory of both is used again.
    @inline(__always)
    func exchangeTable(_ table: inout FieldTable) {
        swap(&self.table, &table)
    }

    // MARK: Scratch space of HTTP/2

    /// A reader for the fields of one request. The connection gives it back once it has them all, mostly at once.
    func takeHTTP2Reader() -> HTTP2RequestReader {
        defer { self.spareReader = nil }
        return self.spareReader ?? HTTP2RequestReader()
    }

    func giveBack(_ reader: HTTP2RequestReader) {
        self.spareReader = reader
    }

    /// A buffer for frames to be written, so that a connection that writes nothing needs no memory for them.
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

    /// Asks the policy to look a name up, and tells the connection by ``ClientConnection/lookedUp(_:_:)``. Connections that ask for one name at the same time
    /// share one question.
    func lookUp(_ name: String, for connection: ClientConnection, anew: Bool = false) {
        let waiting = anew ? self.askingAnew[name] : self.asking[name]
        if anew { self.askingAnew[name, default: []].append(connection) } else { self.asking[name, default: []].append(connection) }
        if waiting == nil { self.policy.lookUp(name, anew: anew) }
    }

    func lookedUp(_ name: String, anew: Bool, _ outcome: LookupOutcome) {
        var waiting = self.asking.removeValue(forKey: name) ?? []
        if anew { waiting += self.askingAnew.removeValue(forKey: name) ?? [] }
        for connection in waiting { connection.lookedUp(name, outcome) }
    }

    /// A route has changed or (`exists` is false) is gone: tells the connections that are held for it.
    func routeChanged(_ name: String, exists: Bool) {
        for connection in self.holding.removeValue(forKey: name) ?? [] {
            self.heldCountChanged(by: -1)
            connection.heldRouteChanged(name, exists: exists)
        }
    }

    /// A visitor wants this backend, which may be frozen.
    func want(_ backend: ActivityCounter) { self.flusher?.want(backend.name) }

    /// Some of these backends may have been frozen, or go on again.
    func apply(_ holds: [String: BackendFreezing]) {
        guard self.activity.apply(holds) else { return }
        for connection in self.connections where connection.request.isTunnel { connection.giveOwedPong() }
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

    /// Writes to log and metrics what they have not been told yet, when the loop stops.
    func flushPending() {
        self.reportOtherFailures()
        self.flushAccessLog()
        self.metrics.report()
        self.resting = RestingConnections()  // nobody looks any more, and they refer to this worker
    }

    /// Whether one more request that was not served may be logged now; see `reportedFailures`.
    func reportsFailure() -> Bool {
        guard self.options.logsFailures else { return false }
        self.failures += 1
        return self.failures <= Self.reportedFailures
    }

    private func reportOtherFailures() {
        let count = self.failures - Self.reportedFailures
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

    /// Serves a connection that was just accepted, and that the limiter has counted.
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
                // A failure from here on closes the channel, which ends the connection as usual.
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
                try channel.addEncryptingHandler(NIOSSLServerHandler(context: context))
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

    /// - Parameter owner: The address under which the connection was counted.
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
        // When the limit of connections is reached, idle ones are closed early to make room for those that wait.
        let idleLimit = self.limiter.isFull ? now + self.limits.keepAlive - self.limits.keepAliveWhenFull : now
        for connection in self.connections where connection.deadline <= now || (connection.deadline <= idleLimit && connection.isBetweenRequests) {
            connection.deadlinePassed()
        }
        while let connection = self.resting.take(at: now) { connection.rest(at: now) }
        self.eventLoop.giveIdleMemoryBack(at: now)
        self.upstreams.sweep(idleFor: self.limits.upstreamKeepAlive, burst: self.limits.upstreamBurst, now: now)
        self.reportOtherFailures()
        self.flushAccessLog()
        self.metrics.report()
    }

    /// How long a connection that was accepted just before the end may take for its first request.
    private static let firstRequestLimit: TimeAmount = .seconds(1)

    /// Closes each connection after its current or next exchange. The promise succeeds when none is left.
    ///
    /// - Parameter endsIdle: True closes connections between two requests at once, though a client may be sending the next one at this moment, and gives new
    ///   connections a second for their first request. False lets them have one more request, or wait for ``ProxyLimits/keepAlive``.
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

    /// Asks the users of all WebSockets to connect again, spread evenly over `spread`, so that they do not all come at once.
    func endTunnels(within spread: TimeAmount) {
        let tunnels = self.connections.filter(\.request.isTunnel)
        for (index, connection) in tunnels.enumerated() {
            let delay = spread.nanoseconds * Int64(index) / Int64(tunnels.count)
            self.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { connection.endTunnel() }
        }
    }

    /// Ends what is open on routes for which `isMeant` returns true: see ``PolicyHost/endRequests(on:)``.
    func endRequests(on isMeant: (any ProxyRoute) -> Bool) -> Int {
        let meant = self.connections.filter { connection in connection.request.route.map(isMeant) ?? false }
        // All are told before any is taken down, which takes several times as long.
        let told = meant.map { $0.tellEndForPolicy() }
        for (connection, isTold) in zip(meant, told) { connection.endForPolicy(isTold: isTold) }
        return meant.count
    }

    func closeAll() {
        for connection in self.connections {
            // A response that has begun must not look complete.
            if let exchange = connection.exchange, !exchange.awaitsHead { connection.cutOff() } else { connection.close() }
        }
        self.upstreams.closeAll()
    }
}

/// How many connections an event loop has, or is about to get. All loops read it, so that new connections go where there are fewest.
final class WorkerLoad: Sendable {
    private let count = Atomic<Int>(0)

    var connections: Int { self.count.load(ordering: .relaxed) }

    func add() { self.count.wrappingAdd(1, ordering: .relaxed) }

    func remove() { self.count.wrappingSubtract(1, ordering: .relaxed) }
}
