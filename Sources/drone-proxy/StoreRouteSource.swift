import DroneStore
import NIOCore
import PlaneProtocol
import PlaneService
import ProxyCore

/// The drone's SQLite file as the proxy sees it: routes to read, activity to write.
struct StoreRouteSource: RouteSource, ActivitySink {
    let store: DroneStore

    func version() throws -> Int64 { try self.store.routingVersion() }

    func route(_ name: String) throws -> RouteAnswer {
        guard let record = try self.store.route(name) else { return .none }
        return RouteAnswer(record)
    }

    func recordActivity(_ names: [String], at seconds: Int64) throws {
        try self.store.recordActivity(names, at: seconds)
    }
}

extension RouteAnswer {
    /// A ready backend without an address we can read cannot be reached; it is treated like one that is not there.
    init(_ record: RouteRecord) {
        switch record.state {
        case .loading, .starting:
            self = .starting(token: record.bearerToken)
        case .ready:
            guard let text = record.address, let endpoint = SocketEndpoint(text), let address = try? SocketAddress(endpoint) else {
                self = .none
                return
            }
            self = .ready(address, token: record.bearerToken)
        default:
            self = .none
        }
    }
}
