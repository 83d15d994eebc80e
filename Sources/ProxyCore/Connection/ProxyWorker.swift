import Logging
import NIOCore
import PlaneProtocol

/// Everything the connections of one event loop share. Touched on that loop only, so nothing in here is locked.
final class ProxyWorker {
    /// What became of a look at a name.
    enum Lookup {
        case route(Route)
        case none
        case failed
    }

    let eventLoop: any EventLoop
    let options: ProxyOptions
    /// Those of `options`; not read through it, since that copies them all.
    let limits: ProxyLimits
    let naming: BackendNaming
    let logger: Logger
    private let directory: RouteDirectory
    private let passthrough: Route?

    /// Scratch space for the head being read.
    var table = FieldTable()
    var activity = ActivityList()
    var metrics = ProxyMetrics()
    var date = HTTPDate()
    /// New requests end their connections: the proxy is about to stop.
    private(set) var isDraining = false

    private var routes = RouteCache()
    /// The last look at the source failed, which has been logged.
    private var sourceFails = false
    /// Connections waiting for the directory, and those waiting for a backend to become ready.
    private var asking: [String: [ClientConnection]] = [:]
    private var holding: [String: [ClientConnection]] = [:]
    /// All open connections, in no order; each knows its place.
    private var connections: [ClientConnection] = []
    /// Called once the last connection is gone, while draining.
    private var whenEmpty: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, options: ProxyOptions, directory: RouteDirectory, logger: Logger) {
        self.eventLoop = eventLoop
        self.options = options
        self.limits = options.limits
        self.naming = BackendNaming(clusterName: options.clusterName, allowsPath: options.allowsPathRouting)
        self.directory = directory
        self.logger = logger
        self.passthrough = options.passthrough.map { address in
            Route(name: "passthrough", destination: .ready(address), token: nil, activity: nil)
        }
    }

    // MARK: Routes

    /// The route, if it is known and still to be trusted.
    @inline(__always)
    func freshRoute(_ bytes: Span<UInt8>, _ name: BackendNaming.Name, at now: NIODeadline) -> Route? {
        guard self.directory.isFresh(at: now) else { return nil }
        return self.routes.find(bytes, name.name, foldsCase: !name.isByPath)
    }

    /// Asks the directory, and tells the connection with ``ClientConnection/lookedUp(_:)``. Connections asking for one name at
    /// one time share one question.
    func look(up name: String, for connection: ClientConnection, rereading: Bool = false) {
        if let waiting = self.asking[name], !rereading {
            self.asking[name] = waiting + [connection]
            return
        }
        self.asking[name, default: []].append(connection)
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        self.directory.resolve(name, rereading: rereading) { result in
            eventLoop.execute { bound.value.answered(name, result) }
        }
    }

    private func answered(_ name: String, _ result: Result<RouteAnswer, any Error>) {
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
        for connection in self.asking.removeValue(forKey: name) ?? [] { connection.lookedUp(lookup) }
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
        let destination: Route.Destination
        let token: Secret?
        switch answer {
        case .none:
            self.routes.remove(name)
            return nil
        case .starting(let secret): (destination, token) = (.starting, secret)
        case .ready(let address, let secret): (destination, token) = (.ready(address), secret)
        }
        let route = Route(
            name: name, destination: destination, token: token.map { AccessToken($0.exposed) },
            activity: self.routes.find(name)?.activity ?? ActivityCounter(name: name))
        self.routes.insert(route)
        return route
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

    func add(_ connection: ClientConnection) {
        connection.place = self.connections.count
        self.connections.append(connection)
        self.metrics.connectionsChange += 1
    }

    func remove(_ connection: ClientConnection) {
        let last = self.connections.removeLast()
        if last !== connection {
            self.connections[connection.place] = last
            last.place = connection.place
        }
        self.metrics.connectionsChange -= 1
        if self.isDraining, self.connections.isEmpty { self.whenEmpty?.succeed() }
    }

    /// Looks at every connection's deadline. One walk twice a second costs less than a timer per request.
    func tick() {
        let now = NIODeadline.now()
        for connection in self.connections where connection.deadline <= now {
            connection.deadlinePassed()
        }
        self.metrics.report()
    }

    /// Ends idle connections now and others after their exchange. The promise succeeds when none is left.
    func drain(_ promise: EventLoopPromise<Void>) {
        self.isDraining = true
        if self.connections.isEmpty { return promise.succeed() }
        self.whenEmpty = promise
        for connection in self.connections { connection.closeIfIdle() }
    }

    func closeAll() {
        for connection in self.connections { connection.close() }
    }
}
