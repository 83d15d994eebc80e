import GRDB
package import PlaneProtocol
import Synchronization

/// What the proxy has to know about one name.
package struct RouteRecord: Equatable, Sendable {
    /// May be any state: a request for a backend that is `Loading` or `Starting` can be held.
    package var state: BackendState
    /// `ip:port` (`[ip]:port` for IPv6) of the container; nil until it is first ready.
    package var address: String?
    /// The token that requests have to contain; nil if everybody is admitted. Known as soon as the backend is accepted, so that a request without it need not
    /// be held.
    package var bearerToken: Secret?
    /// Whether the backend is frozen while there is no traffic.
    package var hold = FreezeState.never

    package init(state: BackendState, address: String?, bearerToken: Secret?, hold: FreezeState = .never) {
        self.state = state
        self.address = address
        self.bearerToken = bearerToken
        self.hold = hold
    }
}

/// Which routes have changed.
package struct RouteChangeList: Equatable, Sendable {
    /// The argument for the next look. Only comparable within the same file.
    package var version: Int64
    /// Nil if it is not known which, so that any may have.
    package var names: Set<String>?

    package init(version: Int64, names: Set<String>?) {
        self.version = version
        self.names = names
    }
}

/// The proxy's side. These calls are synchronous and fast: a read never waits for a writer, and takes some ten microseconds.
extension DroneStore {
    /// What is stored for the name, whatever its state is.
    ///
    /// For a backend that is being ended this is the state in which it will end: no more requests go there, although its process may still run.
    ///
    /// `nil` if there is no such backend, or if its row has a state that this version does not know.
    package func route(_ name: String) throws(StoreError) -> RouteRecord? {
        try self.readNow("read the route of \(name)") { db in
            // The spec is JSON written by an agent; json_valid keeps an invalid one from failing the query.
            let statement = try db.cachedStatement(
                sql: """
                    SELECT CASE WHEN plane_backend.ending IS NULL THEN backend.state
                                WHEN json_valid(plane_backend.ending) THEN json_extract(plane_backend.ending, '$.state') END AS state,
                           route.address,
                           COALESCE(route.bearer_token,
                                    CASE WHEN json_valid(backend.spec) THEN json_extract(backend.spec, '$.bearer_token') END) AS token,
                           plane_hold.is_frozen
                    FROM backend LEFT JOIN route ON route.subdomain = backend.name
                    LEFT JOIN plane_backend ON plane_backend.name = backend.name
                    LEFT JOIN plane_hold ON plane_hold.backend = backend.name
                    WHERE backend.name = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [name]),
                let text = String.fromDatabaseValue(row["state"]),
                let state = BackendState(rawValue: text)
            else { return nil }
            return RouteRecord(
                state: state,
                address: String.fromDatabaseValue(row["address"]),
                bearerToken: String.fromDatabaseValue(row["token"]).map { Secret($0) },
                hold: FreezeState(isFrozen: Int64.fromDatabaseValue(row["is_frozen"])))
        }
    }

    /// Stores that these backends had traffic at this time, and what one process of the proxy has open to some of them. It is one transaction. A name without
    /// a route is ignored, and so is a time before the stored one.
    ///
    /// - Parameters:
    ///   - open: counts of zero mean that nothing is open any more.
    ///   - quiet: those of the names that have open WebSockets and no traffic but pings and pongs. A frozen backend is thawed for any other.
    ///   - seconds: Unix time.
    /// - Throws: nothing was stored; keep the names and try again with the next ones.
    package func recordActivity(
        _ names: [String], open: [OpenConnections.Entry] = [], quiet: Set<String> = [], of process: Int64 = 0, at seconds: Int64
    ) throws(StoreError) {
        guard !names.isEmpty else { return }
        try self.writeNow("record activity of \(names.count) backends") { db in
            let statement = try db.cachedStatement(
                sql: "UPDATE route SET last_active = ?1 WHERE subdomain = ?2 AND last_active < ?1")
            for name in names {
                try statement.execute(arguments: [seconds, name])
                if !quiet.contains(name) { try Self.noteTraffic(of: name, at: seconds, in: db) }
            }
            try Self.record(open, quiet, of: process, at: seconds, in: db)
        }
    }

    private static func record(_ open: [OpenConnections.Entry], _ quiet: Set<String>, of process: Int64, at seconds: Int64, in db: Database) throws {
        guard !open.isEmpty else { return }
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO plane_open_connections (backend, process, requests, websockets, seen, is_quiet)
                VALUES (?, ?, ?, ?, ?, ?)
                """)
        let delete = try db.cachedStatement(sql: "DELETE FROM plane_open_connections WHERE backend = ? AND process = ?")
        for entry in open {
            if entry.requests == 0, entry.webSockets == 0 {
                try delete.execute(arguments: [entry.backend.rawValue, process])
            } else {
                try insert.execute(
                    arguments: [
                        entry.backend.rawValue, process, entry.requests, entry.webSockets, seconds, quiet.contains(entry.backend.rawValue) ? 1 : 0,
                    ])
            }
        }
        // Deletes what a killed process has left.
        try db.cachedStatement(sql: "DELETE FROM plane_open_connections WHERE seen < ?")
            .execute(arguments: [seconds - Self.openConnectionsLifeSeconds])
    }

    /// A proxy stores its open connections every second, or every few seconds while another process writes much.
    static let openConnectionsLifeSeconds: Int64 = 15

    /// What all processes of the proxy together have open, in the order of the backends' ids.
    ///
    /// - Parameters:
    ///   - after: only backends after this one.
    ///   - seconds: the current Unix time.
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

    /// Changes when another connection has written anything to the file, activity included. Only comparable within this process. It takes about a
    /// microsecond, since SQLite reads memory shared by the processes.
    package func dataVersion() throws(StoreError) -> Int64 {
        try self.readNow("read the data version") { try Self.dataVersion(in: $0) }
    }

    /// Which answers of ``route(_:)`` may have changed since an earlier look: a backend was added, removed or has changed its state, was frozen or thawed, or
    /// a route was stored. Activity changes none. As fast as ``dataVersion()`` while nothing is written, and otherwise one small query.
    ///
    /// - Parameter version: of that look; nil for the first one.
    package func routeChanges(since version: Int64?) throws(StoreError) -> RouteChangeList {
        try self.readNow("read which routes have changed") { db in
            // Read before the query: a commit in between only causes an unnecessary query next time.
            let dataVersion = try Self.dataVersion(in: db)
            if let version, self.routingCache.version(at: dataVersion) == version { return RouteChangeList(version: version, names: []) }
            let list = try Self.routeChanges(since: version, in: db)
            self.routingCache.store(list.version, at: dataVersion)
            return list
        }
    }

    private static func routeChanges(since version: Int64?, in db: Database) throws -> RouteChangeList {
        if let version {
            let statement = try db.cachedStatement(sql: "SELECT id, name FROM plane_route_change WHERE id >= ? ORDER BY id")
            let changes = try Row.fetchAll(statement, arguments: [version]).map { (id: $0["id"] as Int64, name: $0["name"] as String) }
            if let first = changes.first, let last = changes.last {
                // Between that look and the oldest change that is kept there may have been others.
                guard first.id <= version + 1 else { return RouteChangeList(version: last.id, names: nil) }
                return RouteChangeList(version: last.id, names: Set(changes.lazy.filter { $0.id > version }.map(\.name)))
            }
        }
        let last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT MAX(id) FROM plane_route_change")) ?? 0
        return RouteChangeList(version: last, names: last == version ? [] : nil)
    }

    /// How many changes of routes the file keeps. A proxy looks every few milliseconds while it has traffic, and reads all routes again after more.
    static let routeChangeLimit = 1024

    static func dataVersion(in db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "PRAGMA data_version")) ?? 0
    }
}

/// Remembers to which `PRAGMA data_version` the last known routing version belongs.
final class RoutingVersionCache: Sendable {
    private struct Entry {
        var dataVersion: Int64
        var routingVersion: Int64
    }

    private let entry = Mutex<Entry?>(nil)

    /// The routing version, if the file was not written since it was stored here.
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
