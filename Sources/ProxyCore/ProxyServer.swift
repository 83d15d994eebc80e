package import EpollTransport
package import Logging
package import Metrics
package import NIOCore
import NIOPosix
import Synchronization

/// A proxy: event loops, what they share, and the sockets it listens on.
///
/// Makes only two threads of its own, for what may block: one writes to the ``ActivitySink``, one to the ``AccessLog``. The policies may have more.
package final class ProxyServer: Sendable {
    /// How often the deadlines of connections are checked, and metrics reported.
    private static let tickInterval: TimeAmount = .milliseconds(500)
    /// How often to check whether many connections have gone, so that memory can be returned. That takes some milliseconds for each 100 MB.
    private static let memoryInterval: TimeAmount = .seconds(2)
    /// How often the certificate's files are read.
    private static let certificateInterval: TimeAmount = .seconds(1)

    private let options: ProxyOptions
    private let logger: Logger
    private let policies: any ProxyPolicySource
    private let blockingGroup: MultiThreadedEventLoopGroup
    private let activityLoop: any EventLoop
    private let workers: [Worker]
    private let listenerCount = Atomic<Int>(0)
    private let limiter: ConnectionLimiter
    private let activity: ActivityFlusher
    private let ticks: [RepeatedTask]
    private let certificates = Mutex<[any CertificateSource]>([])
    /// Tasks that end connections later, as when a time limit of ``serveOut(within:)`` has passed.
    private let timers = Mutex<[Scheduled<Void>]>([])
    private let drainingWorkers = Mutex(0)
    private let endingWorkers = Mutex(0)
    private let servingOut = Mutex<[EventLoopPromise<Void>]>([])

    private struct Worker: Sendable {
        let loop: EpollEventLoop
        let load: WorkerLoad
        let value: NIOLoopBound<ProxyWorker>
    }

    /// - Parameters:
    ///   - policies: Makes the policy of each event loop. The server shuts it down.
    ///   - group: The event loops that carry the traffic. The server does not shut it down.
    package init(
        options: ProxyOptions, policies: some ProxyPolicySource, activity: some ActivitySink, group: EpollEventLoopGroup,
        metrics: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) async throws {
        self.options = options
        self.logger = logger
        self.policies = policies
        self.blockingGroup = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let limiter = ConnectionLimiter(
            limit: options.limits.connections, limitPerAddress: options.limits.connectionsPerAddress)
        self.limiter = limiter
        let uploads = UploadAllowance(limit: options.limits.uploadWindowsBytes)
        let (activityLoop, logLoop) = (self.blockingGroup.next(), self.blockingGroup.next())
        self.activityLoop = activityLoop

        var workers: [Worker] = []
        var ticks: [RepeatedTask] = []
        for loop in group.loops {
            let load = WorkerLoad()
            let worker = try await loop.submit {
                let worker = ProxyWorker(
                    eventLoop: loop, options: options, policies: policies, limiter: limiter, uploads: uploads, load: load,
                    logLoop: logLoop, metrics: metrics, logger: logger)
                return NIOLoopBound(worker, eventLoop: loop)
            }.get()
            ticks.append(
                loop.scheduleRepeatedTask(initialDelay: Self.tickInterval, delay: Self.tickInterval) { _ in worker.value.tick() })
            workers.append(Worker(loop: loop, load: load, value: worker))
        }
        let memory = NIOLoopBoundBox.makeBoxSendingValue(MemoryTrimmer(), as: MemoryTrimmer.self, eventLoop: activityLoop)
        ticks.append(
            activityLoop.scheduleRepeatedTask(initialDelay: Self.memoryInterval, delay: Self.memoryInterval) { _ in
                if memory.value.isDue(connections: limiter.total) { EpollEventLoopGroup.returnFreedMemory() }
            })
        self.ticks = ticks
        self.workers = workers
        self.activity = try await ActivityFlusher(
            sink: activity, workers: workers.map(\.value), loop: activityLoop, logger: logger)
        self.activity.start()
    }

    /// Accepts connections from a listening socket, by a new descriptor of the server's own.
    package func listen(_ listener: ProxyListener, on socket: ListeningSocket) async throws -> OpenListener {
        if case .https(let certificates) = listener.purpose {
            let loop = self.activityLoop  // reading two small files does not hold activity up
            self.certificates.withLock { $0.append(certificates) }
            try await loop.submit { certificates.start(on: loop, every: Self.certificateInterval) }.get()
        }
        socket.setKeepAlive(self.options.limits)
        let address = try socket.address()
        let descriptor = try socket.duplicate()
        let home = self.workers[self.listenerCount.wrappingAdd(1, ordering: .relaxed).oldValue % self.workers.count]
        let controller = try await home.loop.submit {
            let controller = try AcceptController(descriptor, on: home.loop, limiter: self.limiter, logger: self.logger) { connection, peer in
                self.take(connection, peer, for: listener, at: home)
            }
            return NIOLoopBound(controller, eventLoop: home.loop)
        }.get()
        return OpenListener(controller, on: home.loop, address: address)
    }

    /// Gives a connection to the event loop with the fewest connections, preferably to the one that accepted it.
    private func take(_ connection: CInt, _ peer: PeerAddress, for listener: ProxyListener, at home: Worker) {
        let worker = self.workers.min { $0.load.connections < $1.load.connections } ?? home
        if worker.load.connections == home.load.connections {
            home.load.add()
            home.value.value.serve(connection, peer: peer, for: listener)
        } else {
            worker.load.add()
            worker.loop.execute { worker.value.value.serve(connection, peer: peer, for: listener) }
        }
    }

    /// Accepts no more connections from a listener, and closes it once those accepted before have reached their event loops.
    package func stopListening(_ listener: OpenListener) async {
        await listener.shut()
        for worker in self.workers { try? await worker.loop.submit {}.get() }  // an empty task does not fail
        await listener.close()
    }

    // MARK: The end

    /// WebSockets are asked to reconnect one after the other over this time, when the limit of ``serveOut(within:)`` has passed.
    private static let tunnelSpread: TimeAmount = .seconds(30)
    private static let shutDownTunnelSpread: TimeAmount = .seconds(2)

    /// Serves what is open to its end, after another process has begun to accept new connections. Stop listening first.
    ///
    /// - Parameter limit: After this time the users of WebSockets are asked to connect again, and 35 seconds later the rest is closed. Nil waits without a
    ///   limit.
    /// - Returns: When nothing is open any more.
    package func serveOut(within limit: TimeAmount?) async {
        let drained = self.drain(endsIdle: false)
        if let limit {
            self.onEachWorker(in: limit) { worker in
                worker.endTunnels(within: Self.tunnelSpread)
                self.endingWorkers.withLock { $0 += 1 }
            }
            self.onEachWorker(in: limit + Self.tunnelSpread + .seconds(5)) { $0.closeAll() }
        }
        await self.wait(for: drained)
    }

    /// Makes ``serveOut(within:)`` return at once.
    package func stopServingOut() {
        self.servingOut.withLock { promises in
            for promise in promises { promise.succeed() }
            promises = []
        }
    }

    /// Ends idle connections, asks the users of WebSockets to connect again, lets open exchanges come to their end for at most `limit`, then closes the rest
    /// and writes the last activity. Stop listening first.
    package func shutDown(within limit: TimeAmount) async throws {
        let drained = self.drain(endsIdle: true)
        let spread = min(Self.shutDownTunnelSpread, .nanoseconds(limit.nanoseconds / 4))
        self.onEachWorker(in: .zero) { $0.endTunnels(within: spread) }
        self.onEachWorker(in: limit) { $0.closeAll() }
        for future in drained { try await future.get() }
        for task in self.timers.withLock({ $0 }) { task.cancel() }
        for tick in self.ticks { tick.cancel() }
        for store in self.certificates.withLock({ $0 }) { store.stop() }
        for worker in self.workers { try await worker.loop.submit { worker.value.value.flushPending() }.get() }
        try await self.activity.stop()
        try await self.policies.shutDown()
        try await self.blockingGroup.shutdownGracefully()
    }

    /// Open connections and streams of clients.
    package var openConnections: Int { self.limiter.total }

    /// Whether all event loops close connections after their exchange.
    package var isDraining: Bool { self.drainingWorkers.withLock { $0 == self.workers.count } }

    /// Whether all event loops have begun to ask the users of WebSockets to connect again.
    var isEndingTunnels: Bool { self.endingWorkers.withLock { $0 == self.workers.count } }

    private func drain(endsIdle: Bool) -> [EventLoopFuture<Void>] {
        self.workers.map { worker in
            let promise = worker.loop.makePromise(of: Void.self)
            worker.loop.execute {
                if !worker.value.value.isDraining { self.drainingWorkers.withLock { $0 += 1 } }
                worker.value.value.drain(endsIdle: endsIdle, promise)
            }
            return promise.futureResult
        }
    }

    private func onEachWorker(in delay: TimeAmount, _ body: @escaping @Sendable (ProxyWorker) -> Void) {
        let tasks = self.workers.map { worker in
            worker.loop.scheduleTask(in: delay) { body(worker.value.value) }
        }
        self.timers.withLock { $0 += tasks }
    }

    private func wait(for drained: [EventLoopFuture<Void>]) async {
        guard let loop = drained.first?.eventLoop else { return }
        let promise = loop.makePromise(of: Void.self)
        self.servingOut.withLock { $0.append(promise) }
        EventLoopFuture.andAllComplete(drained, on: loop).whenComplete { _ in self.stopServingOut() }
        // The promise only ever succeeds.
        try? await promise.futureResult.get()
    }
}
