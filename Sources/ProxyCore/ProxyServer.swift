package import Logging
package import NIOCore
import NIOPosix
import NIOSSL

/// A proxy: event loops, what they share, and the sockets it listens on.
///
/// Makes no thread but two of its own for what may block: one asks the ``RouteSource``, one writes to the ``ActivitySink``.
package final class ProxyServer: Sendable {
    /// How often connections are looked at for deadlines, and metrics reported.
    private static let tickInterval: TimeAmount = .milliseconds(500)
    /// How often the certificate's files are looked at.
    private static let certificateInterval: TimeAmount = .seconds(1)

    private let options: ProxyOptions
    private let logger: Logger
    private let group: any EventLoopGroup
    private let blockingGroup: MultiThreadedEventLoopGroup
    private let workers: [ObjectIdentifier: NIOLoopBound<ProxyWorker>]
    private let census: ConnectionCensus
    private let activity: ActivityFlusher
    private let ticks: [RepeatedTask]

    /// - Parameter group: Carries the traffic. Not shut down by the server.
    package init(
        options: ProxyOptions, routes: some RouteSource, activity: some ActivitySink, group: any EventLoopGroup,
        logger: Logger
    ) async throws {
        self.options = options
        self.logger = logger
        self.group = group
        self.blockingGroup = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let census = ConnectionCensus(
            limit: options.limits.connections, limitPerAddress: options.limits.connectionsPerAddress)
        self.census = census
        let directory = try await RouteDirectory(source: routes, loop: self.blockingGroup.next())

        var workers: [NIOLoopBound<ProxyWorker>] = []
        var ticks: [RepeatedTask] = []
        for loop in group.makeIterator() {
            let worker = try await loop.submit {
                let worker = ProxyWorker(eventLoop: loop, options: options, directory: directory, census: census, logger: logger)
                return NIOLoopBound(worker, eventLoop: loop)
            }.get()
            directory.listen { name, answer in
                loop.execute { worker.value.routeChanged(name, answer) }
            }
            ticks.append(
                loop.scheduleRepeatedTask(initialDelay: Self.tickInterval, delay: Self.tickInterval) { _ in worker.value.tick() })
            workers.append(worker)
        }
        self.ticks = ticks
        self.workers = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        self.activity = try await ActivityFlusher(
            sink: activity, workers: workers, loop: self.blockingGroup.next(), logger: logger)
        self.activity.start()
    }

    /// Takes connections from a listening socket, which it closes in the end.
    package func listen(_ listener: ProxyListener, on socket: ListeningSocket) async throws -> any Channel {
        if case .https(let certificates) = listener.purpose {
            let loop = self.blockingGroup.next()
            try await loop.submit { certificates.start(on: loop, every: Self.certificateInterval) }.get()
        }
        let limits = self.options.limits
        socket.setKeepAlive(limits)
        let marks = limits.writeBufferBytes
        return try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: ListeningSocket.backlog)
            .serverChannelOption(.maxMessagesPerRead, value: AcceptGate.burst)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(census: self.census, logger: self.logger))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: marks.lowerBound, high: marks.upperBound))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, for: listener) }
            }
            .withBoundSocket(try socket.duplicate())
            .get()
    }

    private func prepare(_ channel: any Channel, for listener: ProxyListener) throws {
        guard let worker = self.workers[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
        }
        let pipeline = channel.pipeline.syncOperations
        if listener.expectsProxyProtocol(from: channel.remoteAddress) {
            try pipeline.addHandler(ProxyProtocolHandler(logger: self.logger))
        }
        switch listener.purpose {
        case .http:
            try pipeline.addHandler(ClientConnection(worker: worker, role: .proxy(scheme: "http")))
        case .redirect(let port):
            try pipeline.addHandler(ClientConnection(worker: worker, role: .redirect(httpsPort: port)))
        case .https(let certificates):
            if let context = certificates.context {
                try pipeline.addHandler(NIOSSLServerHandler(context: context))
            } else {
                try pipeline.addHandler(TLSRefusal(worker: worker))
            }
            try pipeline.addHandler(ClientConnection(worker: worker, role: .proxy(scheme: "https")))
        }
    }

    /// Ends idle connections, lets open exchanges come to their end for at most `limit`, then closes what is left and writes
    /// the last activity down. Stop listening first.
    package func shutDown(within limit: TimeAmount) async throws {
        let drained = self.workers.values.map { worker in
            let promise = worker.eventLoop.makePromise(of: Void.self)
            worker.eventLoop.execute { worker.value.drain(promise) }
            return promise.futureResult
        }
        let cuts = self.workers.values.map { worker in
            worker.eventLoop.scheduleTask(in: limit) { worker.value.closeAll() }
        }
        for future in drained { try await future.get() }
        for cut in cuts { cut.cancel() }
        for tick in self.ticks { tick.cancel() }
        try await self.activity.stop()
        try await self.blockingGroup.shutdownGracefully()
    }
}
