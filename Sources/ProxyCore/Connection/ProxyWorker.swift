import EpollTransport
import Logging
import NIOCore
import NIOSSL
import PlaneProtocol

/// Everything the connections of one event loop share. Touched on that loop only, so nothing in here is locked.
///
/// What every request touches is not watched for overlapping accesses at run time; see ``ClientConnection``.
final class ProxyWorker {
    /// What became of a look at a name.
    enum Lookup {
        case route(Route)
        case none
        case failed
    }

    let eventLoop: EpollEventLoop
    let options: ProxyOptions
    /// Those of `options`; not read through it, since that copies them all.
    let limits: ProxyLimits
    let naming: BackendNaming
    /// For connections to backends. Those of clients have it from their listening socket.
    let peerWatch: PeerWatch
    let logger: Logger
    let census: ConnectionCensus
    private let load: WorkerLoad
    private let directory: RouteDirectory
    /// Where requests go that are for no backend.
    let passthrough: Route?
    /// What every response by HTTPS says, unless the backend says it in its own way.
    let strictTransportSecurity: [UInt8]?

    /// Scratch space for the head being read.
    @exclusivity(unchecked) var table = FieldTable()
    @exclusivity(unchecked) var activity = ActivityList()
    @exclusivity(unchecked) var metrics: ProxyMetrics
    @exclusivity(unchecked) var date = HTTPDate()
    @exclusivity(unchecked) var requestIDs = RequestIDSource()
    let logsAccess: Bool
    /// New requests end their connections: the proxy is about to stop.
    private(set) var isDraining = false

    /// Lines of the access log that have not been handed over yet.
    private var accessLines = ByteBuffer()
    private let logLoop: any EventLoop
    private static let accessLinesLimit = 64 * 1024

    private var routes = RouteCache()
    private let upstreams: UpstreamAllowance
    /// The last look at the source failed, which has been logged.
    private var sourceFails = false
    /// Connections waiting for the directory, and those waiting for a backend to become ready.
    private var asking: [String: [ClientConnection]] = [:]
    /// Waiting for what the source says now, not for what the directory remembers.
    private var askingAnew: [String: [ClientConnection]] = [:]
    private var holding: [String: [ClientConnection]] = [:]
    /// All open connections, in no order; each knows its place.
    private var connections: [ClientConnection] = []
    /// Kept once the last connection is gone, while draining.
    private var whenEmpty: [EventLoopPromise<Void>] = []

    init(
        eventLoop: EpollEventLoop, options: ProxyOptions, directory: RouteDirectory, census: ConnectionCensus, load: WorkerLoad,
        logLoop: any EventLoop, metrics: ProxyMetrics, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.limits = options.limits
        self.peerWatch = PeerWatch(options.limits)
        self.logsAccess = options.accessLog != nil
        self.naming = BackendNaming(clusterName: options.clusterName, allowsPath: options.allowsPathRouting)
        self.strictTransportSecurity = options.strictTransportSecurity.map { Array("Strict-Transport-Security: max-age=\($0)\r\n".utf8) }
        self.directory = directory
        self.census = census
        self.load = load
        self.logLoop = logLoop
        self.metrics = metrics
        self.logger = logger
        let allowance = UpstreamAllowance(limits: options.limits)
        self.upstreams = allowance
        self.passthrough = options.passthrough.map { address in
            let pool = UpstreamPool(address: address, allowance: allowance)
            return Route(name: "passthrough", destination: .ready(pool), token: nil, activity: nil)
        }
    }

    // MARK: Routes

    /// The route, if it is known and still to be trusted.
    @inline(__always)
    func freshRoute(_ bytes: Span<UInt8>, _ name: BackendNaming.Name, at now: NIODeadline) -> Route? {
        guard self.directory.isFresh(at: now) else { return nil }
        return self.routes.find(bytes, name.name, foldsCase: !name.isByPath)
    }

    /// Asks the directory, and tells the connection with ``ClientConnection/lookedUp(_:_:)``. Connections asking for one name at
    /// one time share one question.
    func look(up name: String, for connection: ClientConnection, rereading: Bool = false) {
        let waiting = rereading ? self.askingAnew[name] : self.asking[name]
        if rereading { self.askingAnew[name, default: []].append(connection) } else { self.asking[name, default: []].append(connection) }
        if waiting != nil { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        self.directory.resolve(name, rereading: rereading) { result in
            eventLoop.execute { bound.value.answered(name, rereading: rereading, result) }
        }
    }

    private func answered(_ name: String, rereading: Bool, _ result: Result<RouteAnswer, any Error>) {
        let lookup: Lookup
        switch result {
        case .success(let answer):
            if self.sourceFails { self.logger.info("routes can be read again") }
            self.sourceFails = false
            if let route = self.store(name, answer) ?? self.passthrough { lookup = .route(route) } else { lookup = .none }
        case .failure(let error):
            if !self.sourceFails { self.logger.error("routes cannot be read", metadata: ["error": "\(error)"]) }
            self.sourceFails = true
            if let route = self.routes.find(name) { lookup = .route(route) } else { lookup = .failed }
        }
        var waiting = self.asking.removeValue(forKey: name) ?? []
        if rereading { waiting += self.askingAnew.removeValue(forKey: name) ?? [] }
        for connection in waiting { connection.lookedUp(name, lookup) }
    }

    /// The directory saw another answer than before.
    func routeChanged(_ name: String, _ answer: RouteAnswer) {
        let route = self.store(name, answer)
        for connection in self.holding.removeValue(forKey: name) ?? [] {
            self.heldCountChanged(by: -1)
            connection.heldBackendChanged(route)
        }
    }

    private func store(_ name: String, _ answer: RouteAnswer) -> Route? {
        let before = self.routes.find(name)
        let destination: Route.Destination
        let token: Secret?
        switch answer {
        case .none:
            before?.retire()
            self.routes.remove(name)
            return nil
        case .starting(let secret):
            before?.retire()
            (destination, token) = (.starting, secret)
        case .ready(let address, let secret):
            if case .ready(let pool)? = before?.destination, pool.address == address {
                destination = .ready(pool)
            } else {
                before?.retire()
                destination = .ready(UpstreamPool(address: address, allowance: self.upstreams))
            }
            token = secret
        }
        let route = Route(
            name: name, destination: destination, token: token.map { AccessToken($0.exposed) },
            activity: before?.activity ?? ActivityCounter(name: name))
        self.routes.insert(route)
        return route
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
    func tellLast() {
        self.flushAccessLog()
        self.metrics.report()
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
        self.directory.changeHeldCount(by: change)
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
                try ClientConnection(worker: self, role: .proxy(isTLS: false)).start(on: socket, peer: client)
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
            self.census.remove(nil)
        }
    }

    private func tell(_ error: any Error) {
        self.logger.warning("a connection could not be served", metadata: ["error": "\(error)"])
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
        try pipeline.addHandler(ClientConnection(worker: self, role: role))
    }

    func add(_ connection: ClientConnection) {
        connection.place = self.connections.count
        self.connections.append(connection)
        // A stream is counted where it begins, a connection where it was taken.
        if connection.role.isStream { self.census.add() } else { self.metrics.connectionsChange += 1 }
    }

    /// - Parameter owner: Whom the connection was counted for.
    func remove(_ connection: ClientConnection, owner: AddressKey?) {
        if !connection.role.isStream {
            self.metrics.connectionsChange -= 1
            self.load.remove()
        }
        self.census.remove(owner)
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
        let idleLimit = self.census.isFull ? now + self.limits.keepAlive - self.limits.keepAliveWhenFull : now
        for connection in self.connections where connection.deadline <= now || (connection.deadline <= idleLimit && connection.isBetweenRequests) {
            connection.deadlinePassed()
        }
        self.upstreams.sweep(idleFor: self.limits.upstreamKeepAlive, burst: self.limits.upstreamBurst, now: now)
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
        for connection in self.connections where connection.phase == .http2 { connection.quiesce() }
        if self.connections.isEmpty { return promise.succeed() }
        self.whenEmpty.append(promise)
    }

    /// Asks the users of all WebSockets to connect again, one after the other within `spread`, so that they do not all come at once.
    func endTunnels(within spread: TimeAmount) {
        let tunnels = self.connections.filter(\.isTunnel)
        for (index, connection) in tunnels.enumerated() {
            let delay = spread.nanoseconds * Int64(index) / Int64(tunnels.count)
            self.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { connection.endTunnel() }
        }
    }

    func closeAll() {
        for connection in self.connections {
            // What has begun must not look whole.
            if let exchange = connection.exchange, !exchange.awaitsHead { connection.cutOff() } else { connection.close() }
        }
        self.upstreams.closeAll()
    }
}
