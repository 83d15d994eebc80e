import EpollTransport
import NIOCore
import NIOSSL
import ProxyCore

/// The backends to which one event loop has sent requests lately, whichever frontends they belong to.
final class EndpointDirectory {
    /// A backend that gets no requests for this long is forgotten, and its idle connections are closed.
    private static let keep: TimeAmount = .seconds(90)
    /// How many backends are remembered at most, with some hundred bytes each.
    private static let limit = 50_000
    /// With more than that, a backend is forgotten after this time. Longer than a frontend with names is used without being read.
    private static let shortKeep: TimeAmount = .seconds(10)

    private let host: PolicyHost
    private let loop: EpollEventLoop
    /// For all backends with `https`: the system's authorities, and full verification.
    private let tls: NIOSSLContext
    private let resolver: NameResolver
    private var endpoints: [BackendAddress: Endpoint] = [:]

    init(host: PolicyHost, loop: EpollEventLoop, tls: NIOSSLContext, resolver: NameResolver) {
        self.host = host
        self.loop = loop
        self.tls = tls
        self.resolver = resolver
    }

    var count: Int { self.endpoints.count }

    func endpoint(_ backend: BackendAddress, at now: NIODeadline) -> Endpoint {
        if let endpoint = self.endpoints[backend] {
            endpoint.usedAt = now
            return endpoint
        }
        let endpoint = Endpoint(backend, at: now)
        endpoint.takeLiteral { self.pool(backend, at: $0) }
        self.endpoints[backend] = endpoint
        return endpoint
    }

    /// Calls `body` when all these backends have been resolved, with or without success.
    func whenResolved(_ backends: [BackendAddress], at now: NIODeadline, _ body: @escaping () -> Void) {
        if backends.isEmpty { return body() }
        let join = Join(body)
        for backend in backends {
            join.begin()
            self.endpoint(backend, at: now).whenResolved(
                by: self.resolver, on: self.loop, at: now, make: { self.pool(backend, at: $0) }, join.end)
        }
        join.end()
    }

    private func pool(_ backend: BackendAddress, at address: SocketAddress) -> UpstreamPool {
        let tls = backend.isHTTPS ? UpstreamTLS(context: self.tls, serverName: backend.isName ? backend.host : nil) : nil
        return self.host.makeEndpoint(address, tls: tls)
    }

    func sweep(at now: NIODeadline) {
        let keep = self.endpoints.count > Self.limit ? Self.shortKeep : Self.keep
        for (backend, endpoint) in self.endpoints where now - endpoint.usedAt > keep {
            endpoint.retire()
            self.endpoints[backend] = nil
        }
    }

    /// Calls `body` when several operations have ended. It counts one itself, until all have begun.
    private final class Join {
        private var count = 1
        private let body: () -> Void

        init(_ body: @escaping () -> Void) {
            self.body = body
        }

        func begin() { self.count += 1 }

        func end() {
            self.count -= 1
            if self.count == 0 { self.body() }
        }
    }
}
