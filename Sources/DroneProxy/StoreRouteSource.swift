package import DroneProxyPolicy
package import DroneStore
import NetworkAddresses
import NIOCore
import PlaneProtocol
import PlaneService
package import ProxyCore
import ProxyPages

/// The drone's SQLite file as the proxy uses it: it reads routes and writes activity.
package struct StoreRouteSource: PolledRouteSource, ActivitySink {
    let store: DroneStore
    /// Distinguishes this process from others that serve the same drone, such as its predecessor and its successor.
    private let process = Int64.random(in: 1...Int64.max)

    package init(store: DroneStore) {
        self.store = store
    }

    /// Reading a route takes some ten microseconds, and while backends are frozen and thawed there are changes all the time.
    package func changes(since version: Int64?) throws -> RouteChanges {
        let changes = try self.store.routeChanges(since: version)
        return RouteChanges(version: changes.version, names: changes.names.map { .listed(Array($0)) } ?? .any)
    }

    package func route(_ name: String) throws -> RouteAnswer {
        guard let record = try self.store.route(name) else { return .none }
        return RouteAnswer(record)
    }

    package func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {
        let open = backends.compactMap { backend in
            BackendID(rawValue: backend.name).map {
                OpenConnections.Entry(
                    backend: $0, requests: UInt32(clamping: backend.openRequests), webSockets: UInt32(clamping: backend.openTunnels))
            }
        }
        let quiet = Set(backends.lazy.filter(\.isQuiet).map(\.name))
        try self.store.recordActivity(backends.map(\.name), open: open, quiet: quiet, of: self.process, at: seconds)
    }

    package func want(_ backends: [String], at seconds: Int64) throws { try self.store.want(backends, at: seconds) }

    package func holds() throws -> [String: BackendFreezing] { try self.store.holds().mapValues { BackendFreezing($0) } }
}

extension BackendFreezing {
    init(_ state: FreezeState) {
        self =
            switch state {
            case .never: .never
            case .awake: .awake
            case .frozen: .frozen
            }
    }
}

extension RouteAnswer {
    /// A ready backend without a valid address cannot be reached, and counts as one that has ended.
    init(_ record: RouteRecord) {
        switch record.state {
        case .loading:
            self = .starting(token: record.bearerToken, phase: .loading)
        case .starting:
            self = .starting(token: record.bearerToken, phase: .starting)
        case .ready:
            guard let text = record.address, let endpoint = SocketEndpoint(text), let address = try? SocketAddress(endpoint) else {
                self = .ended
                return
            }
            self = .ready(address, token: record.bearerToken, hold: BackendFreezing(record.hold))
        default:
            self = .ended
        }
    }
}
