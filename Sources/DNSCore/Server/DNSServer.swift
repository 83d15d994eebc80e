import Glibc
import NetworkAddresses
package import NIOCore
package import NIOPosix
import Synchronization

/// Listens on UDP and TCP and answers from a source.
///
/// For each event loop there is a UDP socket with a thread (`DatagramWorker`); the event loops themselves have the TCP connections.
package final class DNSServer<Source: RecordSource>: Sendable {
    private let responder: Responder<Source>
    private let configuration: DNSServerOptions
    private let group: MultiThreadedEventLoopGroup
    package let counters = ServerCounters()
    private let listener = Mutex<(any Channel)?>(nil)
    /// The UDP sockets, each with a future that succeeds when its thread has ended.
    private let workers = Mutex<[(socket: DatagramSocket, ended: EventLoopFuture<Void>)]>([])

    package init(source: Source, configuration: DNSServerOptions, group: MultiThreadedEventLoopGroup) {
        self.responder = Responder(source: source)
        self.configuration = configuration
        self.group = group
    }

    /// Opens the sockets, and answers questions until `stop`. With port 0 the kernel chooses one for TCP, and all sockets use that.
    ///
    /// - Returns: the address at which it listens.
    package func start() async throws -> SocketAddress {
        do {
            let listener = try await self.listen(on: self.configuration.address)
            guard var address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
            address.port = listener.localAddress?.port
            for loop in self.group.makeIterator() { try self.openSocket(on: address, loop: loop) }
            return address
        } catch {
            await self.stop()
            throw error
        }
    }

    /// Closes the UDP sockets and the TCP listener, and returns when the threads have ended. Open TCP connections stay until they are idle for
    /// `idleTimeout`, or the event loops end.
    package func stop() async {
        let workers = self.workers.withLock { workers in
            defer { workers = [] }
            return workers
        }
        for worker in workers { worker.socket.stop() }
        // Fails if the listener was closed already.
        if let listener = self.listener.withLock({ $0 }) { try? await listener.close().get() }
        for worker in workers { try? await worker.ended.get() }
    }

    // MARK: UDP

    private func openSocket(on address: SocketAddress, loop: any EventLoop) throws {
        var generator = SystemRandomNumberGenerator()
        let limit = self.configuration.answersPerSecond
        let limiter = limit == 0 ? nil : ResponseRateLimiter(answersPerSecond: limit, using: &generator)
        let socket = try DatagramSocket(bindingTo: address)
        let ended = loop.makePromise(of: Void.self)
        let (responder, counters) = (self.responder, self.counters)
        self.workers.withLock { $0.append((socket, ended.futureResult)) }
        WorkerThread.start {
            DatagramWorker(socket: socket, responder: responder, limiter: limiter, counters: counters).run()
            ended.succeed()
        }
    }

    // MARK: TCP

    private func listen(on address: SocketAddress) async throws -> any Channel {
        let connections = ConnectionTable(
            maximum: min(self.configuration.maximumConnections, Self.affordableConnections), perHost: self.configuration.maximumConnectionsPerClient)
        let listener = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, connections) }
            }
            .bind(to: address).get()
        self.listener.withLock { $0 = listener }
        return listener
    }

    /// Half of the files that this process may have open, so that clients leave some for the connection to NATS.
    private static var affordableConnections: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        return max(Int(clamping: limit.rlim_cur) / 2, 1)
    }

    private func accept(_ channel: any Channel, _ connections: ConnectionTable) throws {
        let host = channel.remoteAddress.map { ClientNetwork.host(of: $0) } ?? .v6(high: 0, low: 0)
        let (slot, hasDisplaced) = connections.enter(host, at: .now()) { channel.close(promise: nil) }
        if hasDisplaced { self.counters.displacedConnections.add(1, ordering: .relaxed) }
        self.counters.connections.add(1, ordering: .relaxed)
        channel.closeFuture.whenComplete { _ in connections.leave(slot) }
        try channel.pipeline.syncOperations.addHandler(
            StreamHandler(responder: self.responder, counters: self.counters, idleTimeout: self.configuration.idleTimeout, slot: slot))
    }
}
