import GRDB
package import PlaneProtocol
import Synchronization

/// What the proxy needs to know of one name.
package struct RouteRecord: Equatable, Sendable {
    /// Any state: a request for a backend that is `Loading` or `Starting` can be held instead of refused.
    package var state: BackendState
    /// `ip:port` (`[ip]:port` for IPv6) of the container; absent until it is ready for the first time.
    package var address: String?
    /// The token a request must show; absent when anybody may enter. Known from the moment the backend is accepted, so that a
    /// request without it need not be held.
    package var bearerToken: Secret?

    package init(state: BackendState, address: String?, bearerToken: Secret?) {
        self.state = state
        self.address = address
        self.bearerToken = bearerToken
    }
}

/// The proxy's side. Synchronous and quick: a read never waits for a writer, and takes some ten microseconds.
extension DroneStore {
    /// What is known of the name, in whatever state it is.
    ///
    /// A backend that is being ended is told in the state it will end in: nothing is to be sent there any more, although its process may
    /// still run.
    ///
    /// `nil` when there is no such backend, and when its row holds a state this version does not know: nothing can be routed then.
    package func route(_ name: String) throws(StoreError) -> RouteRecord? {
        try self.readNow("read the route of \(name)") { db in
            // The spec is JSON written by an agent; one that is not must not spoil the answer, hence json_valid.
            let statement = try db.cachedStatement(
                sql: """
                    SELECT CASE WHEN plane_backend.ending IS NULL THEN backend.state
                                WHEN json_valid(plane_backend.ending) THEN json_extract(plane_backend.ending, '$.state') END AS state,
                           route.address,
                           COALESCE(route.bearer_token,
                                    CASE WHEN json_valid(backend.spec) THEN json_extract(backend.spec, '$.bearer_token') END) AS token
                    FROM backend LEFT JOIN route ON route.subdomain = backend.name
                    LEFT JOIN plane_backend ON plane_backend.name = backend.name
                    WHERE backend.name = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [name]),
                let text = String.fromDatabaseValue(row["state"]),
                let state = BackendState(rawValue: text)
            else { return nil }
            return RouteRecord(
                state: state,
                address: String.fromDatabaseValue(row["address"]),
                bearerToken: String.fromDatabaseValue(row["token"]).map { Secret($0) })
        }
    }

    /// Notes that these backends had traffic at this moment, and what one process of the proxy has open to some of them. One
    /// transaction; a name without a route is passed over, a time before the stored one changes nothing.
    ///
    /// - Parameters:
    ///   - open: Counts of zero say that there is nothing any more.
    ///   - seconds: Unix time.
    /// - Throws: Nothing was noted; keep the names and try again with the next ones.
    package func recordActivity(
        _ names: [String], open: [OpenConnections.Entry] = [], of process: Int64 = 0, at seconds: Int64
    ) throws(StoreError) {
        guard !names.isEmpty else { return }
        try self.writeNow("record activity of \(names.count) backends") { db in
            let statement = try db.cachedStatement(
                sql: "UPDATE route SET last_active = ?1 WHERE subdomain = ?2 AND last_active < ?1")
            for name in names {
                try statement.execute(arguments: [seconds, name])
            }
            try Self.record(open, of: process, at: seconds, in: db)
        }
    }

    private static func record(_ open: [OpenConnections.Entry], of process: Int64, at seconds: Int64, in db: Database) throws {
        guard !open.isEmpty else { return }
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO plane_open_connections (backend, process, requests, websockets, seen) VALUES (?, ?, ?, ?, ?)
                """)
        let delete = try db.cachedStatement(sql: "DELETE FROM plane_open_connections WHERE backend = ? AND process = ?")
        for entry in open {
            if entry.requests == 0, entry.webSockets == 0 {
                try delete.execute(arguments: [entry.backend.rawValue, process])
            } else {
                try insert.execute(arguments: [entry.backend.rawValue, process, entry.requests, entry.webSockets, seconds])
            }
        }
        // What a killed process has left.
        try db.cachedStatement(sql: "DELETE FROM plane_open_connections WHERE seen < ?")
            .execute(arguments: [seconds - Self.openConnectionsLifeSeconds])
    }

    /// A proxy repeats what is open every second, or every few while another process writes much.
    private static let openConnectionsLifeSeconds: Int64 = 15

    /// What all processes of the proxy together have open, in the order of the backends' ids.
    ///
    /// - Parameters:
    ///   - after: Only backends behind this one.
    ///   - seconds: Unix time now.
    package func openConnections(after: BackendID? = nil, limit: Int, at seconds: Int64) throws(StoreError) -> [OpenConnections.Entry] {
        try self.readNow("read what is open") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT backend, SUM(requests) AS requests, SUM(websockets) AS websockets FROM plane_open_connections
                    WHERE backend > ? AND seen >= ? GROUP BY backend ORDER BY backend LIMIT ?
                    """)
            let rows = try Row.fetchAll(
                statement, arguments: [after?.rawValue ?? "", seconds - Self.openConnectionsLifeSeconds, limit])
            return rows.compactMap { row in
                String.fromDatabaseValue(row["backend"]).flatMap(BackendID.init(rawValue:)).map { backend in
                    OpenConnections.Entry(
                        backend: backend, requests: UInt32(clamping: Int64.fromDatabaseValue(row["requests"]) ?? 0),
                        webSockets: UInt32(clamping: Int64.fromDatabaseValue(row["websockets"]) ?? 0))
                }
            }
        }
    }

    /// Changes when any other connection has committed anything to the file, activity included. Comparable only within this process.
    /// Costs about a microsecond: SQLite looks into memory shared by the processes.
    package func dataVersion() throws(StoreError) -> Int64 {
        try self.readNow("read the data version") { try Self.dataVersion(in: $0) }
    }

    /// Changes when an answer of ``route(_:)`` may have changed: a backend came, went or changed state, or a route was written.
    /// Recorded activity does not move it. As cheap as ``dataVersion()`` while nobody writes, one small query when somebody did.
    package func routingVersion() throws(StoreError) -> Int64 {
        try self.readNow("read the routing version") { db in
            // Read before the query: a commit between the two then only causes one query too many next time.
            let dataVersion = try Self.dataVersion(in: db)
            if let version = self.routingCache.version(at: dataVersion) { return version }
            let statement = try db.cachedStatement(sql: "SELECT version FROM plane_routing")
            let version = try Int64.fetchOne(statement) ?? 0
            self.routingCache.store(version, at: dataVersion)
            return version
        }
    }

    private static func dataVersion(in db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "PRAGMA data_version")) ?? 0
    }
}

/// Remembers which `PRAGMA data_version` the last known routing version belongs to.
final class RoutingVersionCache: Sendable {
    private struct Entry {
        var dataVersion: Int64
        var routingVersion: Int64
    }

    private let entry = Mutex<Entry?>(nil)

    /// The routing version, if the file has not been written since it was stored.
    func version(at dataVersion: Int64) -> Int64? {
        self.entry.withLock { entry in
            guard let entry, entry.dataVersion == dataVersion else { return nil }
            return entry.routingVersion
        }
    }

    func store(_ routingVersion: Int64, at dataVersion: Int64) {
        self.entry.withLock { $0 = Entry(dataVersion: dataVersion, routingVersion: routingVersion) }
    }
}
