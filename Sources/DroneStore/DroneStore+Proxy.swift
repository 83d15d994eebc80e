import GRDB
import PlaneProtocol

/// The proxy's side. Synchronous and quick: a read never waits for a writer, and takes some ten microseconds.
extension DroneStore {
    /// What is known of the name, in whatever state it is.
    ///
    /// `nil` when there is no such backend, and when its row holds a state this version does not know: nothing can be routed then.
    package func route(_ name: String) throws(StoreError) -> RouteRecord? {
        try self.readNow("read the route of \(name)") { db in
            // The spec is JSON written by an agent; one that is not must not spoil the answer, hence json_valid.
            let statement = try db.cachedStatement(
                sql: """
                    SELECT backend.state, route.address,
                           COALESCE(route.bearer_token,
                                    CASE WHEN json_valid(backend.spec) THEN json_extract(backend.spec, '$.bearer_token') END) AS token
                    FROM backend LEFT JOIN route ON route.subdomain = backend.name
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

    /// Notes that these backends had traffic at this moment. One transaction; a name without a route is passed over, a time before
    /// the stored one changes nothing.
    ///
    /// - Parameter seconds: Unix time.
    /// - Throws: Nothing was noted; keep the names and try again with the next ones.
    package func recordActivity(_ names: [String], at seconds: Int64) throws(StoreError) {
        guard !names.isEmpty else { return }
        try self.writeNow("record activity of \(names.count) backends") { db in
            let statement = try db.cachedStatement(
                sql: "UPDATE route SET last_active = ?1 WHERE subdomain = ?2 AND last_active < ?1")
            for name in names {
                try statement.execute(arguments: [seconds, name])
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
