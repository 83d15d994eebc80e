import Glibc
package import NIOCore
package import NIOPosix
import Synchronization

/// Listens on UDP and TCP and answers from a source.
///
/// There is one UDP socket for each event loop, all on the same port; the kernel spreads the clients over them (`SO_REUSEPORT`).
package final class DNSServer<Source: RecordSource>: Sendable {
    /// Datagrams read with one system call, each with this much room. A larger question is cut and then refused as malformed.
    private static var datagramsPerRead: Int { 32 }
    private static var datagramBytes: Int { 2048 }
    /// Answers that wait for the kernel; above that they are dropped.
    private static var pendingBytes: Int { 1 << 20 }
    /// Asked of the kernel for questions that wait for us: some ten milliseconds at full speed.
    private static var receiveBufferBytes: Int { 1 << 20 }
    /// Between attempts to open a socket again that failed.
    private static var reopenDelay: TimeAmount { .milliseconds(100) }

    private let responder: Responder<Source>
    private let configuration: DNSServerConfiguration
    private let group: MultiThreadedEventLoopGroup
    package let counters = ServerCounters()
    private let isStopping = Atomic(false)
    private let sockets = Mutex<[ObjectIdentifier: any Channel]>([:])

    package init(source: Source, configuration: DNSServerConfiguration, group: MultiThreadedEventLoopGroup) {
        self.responder = Responder(source: source)
        self.configuration = configuration
        self.group = group
    }

    /// Opens the sockets; from then on questions are answered, until `stop`. Port 0 becomes one port for all of them.
    ///
    /// - Returns: Where it listens.
    package func start() async throws -> SocketAddress {
        do {
            let listener = try await self.listen(on: self.configuration.address)
            guard var address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
            address.port = listener.localAddress?.port
            for loop in self.group.makeIterator() { try await self.openSocket(on: address, loop: loop).get() }
            return address
        } catch {
            await self.stop()
            throw error
        }
    }

    /// Closes the sockets. Connections that are open end with their idle time, or with the event loops.
    package func stop() async {
        self.isStopping.store(true, ordering: .sequentiallyConsistent)
        let sockets = self.sockets.withLock { sockets in
            defer { sockets = [:] }
            return Array(sockets.values)
        }
        for socket in sockets { socket.close(promise: nil) }
        // A socket that was closed already, or fails to close, is closed.
        for socket in sockets { _ = try? await socket.closeFuture.get() }
    }

    // MARK: UDP

    private func openSocket(on address: SocketAddress, loop: any EventLoop) -> EventLoopFuture<Void> {
        var generator = SystemRandomNumberGenerator()
        let limit = self.configuration.answersPerSecond
        let limiter = limit == 0 ? nil : ResponseRateLimiter(answersPerSecond: limit, using: &generator)
        return DatagramBootstrap(group: loop)
            .channelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            .channelOption(.socketOption(.so_rcvbuf), value: Self.receiveBufferBytes)
            .channelOption(.datagramVectorReadMessageCount, value: Self.datagramsPerRead)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.datagramsPerRead * Self.datagramBytes))
            .channelOption(.writeBufferWaterMark, value: .init(low: Self.pendingBytes / 2, high: Self.pendingBytes))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DatagramHandler(responder: self.responder, limiter: limiter, counters: self.counters))
                }
            }
            .bind(to: address)
            .map { self.keep($0) { self.reopenSocket(on: address, loop: loop) } }
    }

    /// The kernel may refuse to send to an address somebody has forged, and NIO closes a socket for some of these refusals.
    private func reopenSocket(on address: SocketAddress, loop: any EventLoop) {
        guard !self.isStopping.load(ordering: .sequentiallyConsistent) else { return }
        self.counters.reopened.add(1, ordering: .relaxed)
        self.openSocket(on: address, loop: loop).whenFailure { _ in
            loop.scheduleTask(in: Self.reopenDelay) { self.reopenSocket(on: address, loop: loop) }
        }
    }

    // MARK: TCP

    private func listen(on address: SocketAddress) async throws -> any Channel {
        let limit = ConnectionLimit(
            maximum: self.configuration.maximumConnections, perHost: self.configuration.maximumConnectionsPerClient)
        let listener = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, within: limit) }
            }
            .bind(to: address).get()
        self.keep(listener) {}
        return listener
    }

    private func accept(_ channel: any Channel, within limit: ConnectionLimit) throws {
        let host = channel.remoteAddress.map { ClientNetwork.host(of: $0) } ?? []
        guard limit.enter(host) else {
            self.counters.refusedConnections.add(1, ordering: .relaxed)
            channel.close(promise: nil)
            return
        }
        self.counters.connections.add(1, ordering: .relaxed)
        channel.closeFuture.whenComplete { _ in limit.leave(host) }
        try channel.pipeline.syncOperations.addHandler(
            StreamHandler(responder: self.responder, counters: self.counters, idleTimeout: self.configuration.idleTimeout))
    }

    // MARK: Sockets

    private func keep(_ socket: any Channel, whenLost: @escaping @Sendable () -> Void) {
        self.sockets.withLock { $0[ObjectIdentifier(socket)] = socket }
        socket.closeFuture.whenComplete { _ in
            _ = self.sockets.withLock { $0.removeValue(forKey: ObjectIdentifier(socket)) }
            whenLost()
        }
        // Opened while `stop` was already closing the others.
        if self.isStopping.load(ordering: .sequentiallyConsistent) { socket.close(promise: nil) }
    }
}
