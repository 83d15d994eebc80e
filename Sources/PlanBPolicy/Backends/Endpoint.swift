import EpollTransport
import NIOCore
import NIOSSL
import ProxyCore

/// A backend on one event loop: the addresses of its name, and the connections to these.
final class Endpoint {
    let backend: BackendAddress
    /// One pool for each address; empty while no address is known.
    private(set) var pools: [UpstreamPool] = []
    /// The index of the address in use. When it fails the next one is tried.
    private var current = 0
    /// Why there is no address, if resolving the name has failed.
    private(set) var failure: NameResolver.Failure?
    /// When the name was last resolved, with or without success; nil before that.
    private var resolvedAt: NIODeadline?
    private var isResolving = false
    private var waiting: [() -> Void] = []
    var usedAt: NIODeadline

    /// After this time a name is resolved again; meanwhile its old addresses are used.
    private static let freshness: TimeAmount = .seconds(5)
    /// After this time a name that could not be resolved is tried again.
    private static let failureFreshness: TimeAmount = .seconds(1)
    private static let addressLimit = 8

    init(_ backend: BackendAddress, at now: NIODeadline) {
        self.backend = backend
        self.usedAt = now
    }

    var pool: UpstreamPool? { self.pools.isEmpty ? nil : self.pools[self.current] }

    /// Called when the address in use has failed; uses the next one.
    ///
    /// - Returns: Whether there is an address that has not failed since.
    func turn(from failed: UpstreamPool) -> Bool {
        // Another request has already changed to the next address.
        guard failed === self.pool else { return self.pools.count > 1 && self.current > 0 }
        self.current += 1
        if self.current < self.pools.count { return true }
        self.current = 0
        return false
    }

    // MARK: Names

    /// Uses the IP address of a backend that has no name.
    func takeLiteral(_ make: (SocketAddress) -> UpstreamPool) {
        guard !self.backend.isName else { return }
        if let address = NameResolver.literal(self.backend.host, port: self.backend.port) { self.pools = [make(address)] }
        self.resolvedAt = .distantFuture
    }

    /// Calls `body` once it is known whether there is an address; at once if that is known now.
    func whenResolved(
        by resolver: NameResolver, on loop: EpollEventLoop, at now: NIODeadline, make: @escaping (SocketAddress) -> UpstreamPool,
        _ body: @escaping () -> Void
    ) {
        let limit = self.failure == nil ? Self.freshness : Self.failureFreshness
        let isFresh = self.resolvedAt.map { $0 > now - limit } ?? false
        if !isFresh { self.resolve(by: resolver, on: loop, make: make) }
        if isFresh || !self.pools.isEmpty { body() } else { self.waiting.append(body) }
    }

    private func resolve(by resolver: NameResolver, on loop: EpollEventLoop, make: @escaping (SocketAddress) -> UpstreamPool) {
        guard !self.isResolving else { return }
        self.isResolving = true
        let bound = NIOLoopBound((endpoint: self, make: make), eventLoop: loop)
        resolver.resolve(self.backend.host, port: self.backend.port) { result in
            loop.execute { bound.value.endpoint.resolved(result, make: bound.value.make) }
        }
    }

    private func resolved(_ result: Result<[SocketAddress], NameResolver.Failure>, make: (SocketAddress) -> UpstreamPool) {
        self.isResolving = false
        self.resolvedAt = .now()
        switch result {
        case .success(let addresses):
            self.failure = nil
            let wanted = addresses.prefix(Self.addressLimit)
            let old = self.pools
            if old.map(\.address) != Array(wanted) {
                self.pools = wanted.map { address in old.first { $0.address == address } ?? make(address) }
                for pool in old where !wanted.contains(pool.address) { pool.retire() }
                self.current = 0
            }
        case .failure(let failure):
            // If the name cannot be resolved now, the old addresses stay in use.
            if self.pools.isEmpty { self.failure = failure }
        }
        let waiting = self.waiting
        self.waiting = []
        for body in waiting { body() }
    }

    func retire() {
        for pool in self.pools { pool.retire() }
    }
}
