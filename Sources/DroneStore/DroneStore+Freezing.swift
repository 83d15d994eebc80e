import GRDB
package import PlaneProtocol

/// Whether a backend is frozen while there is no traffic.
package enum FreezeState: Hashable, Sendable {
    /// The agent does not freeze it.
    case never
    case awake
    /// Its container is frozen, or is about to be. It goes on soon after somebody has called ``DroneStore/want(_:at:)``.
    case frozen

    /// - Parameter isFrozen: the column of that name; nil where the backend has no row.
    init(isFrozen: Int64?) {
        self =
            switch isFrozen {
            case nil: .never
            case 0: .awake
            default: .frozen
            }
    }
}

/// The result of checking a backend's last traffic, in the transaction that would freeze it.
package enum QuietVerdict: Equatable, Sendable {
    /// There was no traffic for long enough. The backend counts as frozen now: the proxy holds new requests.
    ///
    /// - Parameter lastActive: when the proxy last wrote activity, in Unix time (seconds).
    case quiet(lastActive: Int64)
    /// There was traffic; check again at this Unix time (seconds).
    case activeUntil(Int64)
    /// The backend is not `Ready`, or its end has begun.
    case notReady
}

/// Which frozen backends visitors want.
package struct WantedBackends: Equatable, Sendable {
    /// The argument for the next look. Only comparable within this process.
    package var version: Int64
    package var backends: [BackendID]
}

/// What the proxies have written about a frozen backend.
package struct FrozenActivity: Equatable, Sendable {
    package enum Connections: Equatable, Sendable {
        case none
        /// Only WebSockets with no traffic but pings and pongs.
        case quiet
        /// Something else. A proxy of an older version says this of everything.
        case busy
    }

    package var backend: BackendID
    /// When a proxy last wrote activity, in Unix time (seconds); nil without a route.
    package var lastActive: Int64?
    package var connections: Connections
}

/// The agent's side: backends that are frozen while there is no traffic.
///
/// ```
///   agent ── beginFreezing ──► awake ── freezeIfQuiet ──► frozen ── noteThawed ──► awake
///   proxy ──────────────────── notes traffic ──┘           └── want ──► wanted ──┘
/// ```
///
/// A row says `frozen` before the container is, and `awake` after it goes on, so no container is frozen of which the table does not say so.
extension DroneStore {
    /// Stores that the agent freezes this backend while there is no traffic. The traffic noted before is kept.
    ///
    /// - Returns: whether an agent before this one has left it frozen.
    package func beginFreezing(of backend: BackendID, at seconds: Int64) async throws(StoreError) -> Bool {
        let name = backend.rawValue
        return try await self.write("note that \(name) may be frozen") { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO plane_hold (backend, last_traffic) SELECT ?1, ?2 FROM backend WHERE name = ?1
                    ON CONFLICT (backend) DO NOTHING
                    """
            ).execute(arguments: [name, seconds])
            return try Self.hold(of: name, in: db) == .frozen
        }
    }

    /// Stores that the agent does not freeze this backend any more.
    package func endFreezing(of backend: BackendID) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("note that \(name) is not frozen any more") { db in try Self.forgetHold(of: name, in: db) }
    }

    /// ``hold(of:)`` for tasks, which must not wait for a thread.
    package func currentHold(of backend: BackendID) async throws(StoreError) -> FreezeState {
        try await self.read("read whether \(backend.rawValue) is frozen") { db in try Self.hold(of: backend.rawValue, in: db) }
    }

    /// Whether this backend is, or may be, frozen.
    package func hold(of backend: BackendID) throws(StoreError) -> FreezeState {
        try self.readNow("read whether \(backend.rawValue) is frozen") { db in try Self.hold(of: backend.rawValue, in: db) }
    }

    /// Marks the backend as frozen unless there was traffic within its limit. Checking and storing are one transaction, so no request that the proxy has noted
    /// is overlooked.
    ///
    /// Traffic is stored in whole seconds, rounded down, so the limit counts from the end of that second.
    ///
    /// - Parameters:
    ///   - limit: how long a backend may be without traffic.
    ///   - now: Unix time in seconds.
    package func freezeIfQuiet(_ backend: BackendID, limit: WireSeconds, at now: Int64) async throws(StoreError) -> QuietVerdict {
        let name = backend.rawValue
        return try await self.write("look whether \(name) has traffic") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT route.last_active, plane_hold.last_traffic
                    FROM backend JOIN plane_hold ON plane_hold.backend = backend.name JOIN route ON route.subdomain = backend.name
                    WHERE backend.name = ? AND backend.state = 'Ready'
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [name]), try !Self.isEnding(name, in: db),
                let lastActive = Int64.fromDatabaseValue(row["last_active"]), let lastTraffic = Int64.fromDatabaseValue(row["last_traffic"])
            else { return .notReady }
            let last: Int64 =
                switch try Self.connections(to: name, at: now, in: db) {
                // A backend was thawed for somebody of whom the proxy has not written yet.
                case .none: max(lastActive, lastTraffic)
                case .quiet: lastTraffic
                case .busy: now
                }
            // A time ahead of the clock was stored before the clock was set back.
            if lastTraffic > now { try Self.noteTraffic(of: name, at: now, in: db) }
            let (deadline, overflow) = min(last, now).addingReportingOverflow(Int64(clamping: limit.rawValue))
            guard !overflow, deadline < .max else { return .activeUntil(.max) }  // a limit beyond the clock's range is none
            guard deadline < now else { return .activeUntil(deadline + 1) }
            try db.cachedStatement(sql: "UPDATE plane_hold SET is_frozen = 1, is_wanted = 0 WHERE backend = ?").execute(arguments: [name])
            return .quiet(lastActive: lastActive)
        }
    }

    /// Stores that the backend goes on, as if there had been traffic at this Unix time (seconds).
    package func noteThawed(_ backend: BackendID, at seconds: Int64) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("note that \(name) goes on") { db in
            try db.cachedStatement(sql: "UPDATE plane_hold SET is_frozen = 0, is_wanted = 0, last_traffic = ? WHERE backend = ?")
                .execute(arguments: [seconds, name])
        }
    }

    /// Stores the report that the backend was frozen, or thawed. If an earlier one still waits, because no scheduler answers, it is deleted: only the last one
    /// matters, and a backend that is frozen a hundred times a day must not fill the outbox. A report on its way to a scheduler may be deleted, too; it was
    /// sent before this one.
    ///
    /// - Returns: see ``record(_:)``.
    package func recordHold(_ transition: BackendTransition) async throws(StoreError) -> Bool {
        let name = transition.backend.rawValue
        return try await self.write("record that \(name) was frozen or thawed") { db in
            guard try Self.apply(transition, in: db) else { return false }
            try db.cachedStatement(
                sql: """
                    DELETE FROM plane_outbox WHERE backend = ?1 AND id < (SELECT MAX(id) FROM plane_outbox WHERE backend = ?1)
                        AND CASE WHEN json_valid(payload) THEN json_type(payload, '$.detail.held') IS NOT NULL END
                    """
            ).execute(arguments: [name])
            return true
        }
    }

    /// Frozen backends that a visitor wants. Takes some microseconds on the store's own thread.
    ///
    /// - Parameter version: of an earlier look.
    /// - Returns: nil if no other connection has written anything since that look.
    package func wantedBackends(since version: Int64? = nil) async throws(StoreError) -> WantedBackends? {
        try await self.read("read which frozen backends are wanted") { db in
            // Of the same state of the file as what is read then.
            let present = try Self.dataVersion(in: db)
            guard present != version else { return nil }
            let statement = try db.cachedStatement(sql: "SELECT backend FROM plane_hold WHERE is_wanted = 1")
            return WantedBackends(version: present, backends: try String.fetchAll(statement).compactMap { BackendID(rawValue: $0) })
        }
    }

    /// What the proxies have written about all frozen backends.
    ///
    /// - Parameter now: Unix time in seconds.
    package func frozenActivity(at now: Int64) async throws(StoreError) -> [FrozenActivity] {
        try await self.read("read the activity of frozen backends") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT plane_hold.backend, route.last_active,
                           (SELECT MIN(is_quiet) FROM plane_open_connections WHERE backend = plane_hold.backend AND seen >= ?) AS is_quiet
                    FROM plane_hold LEFT JOIN route ON route.subdomain = plane_hold.backend WHERE is_frozen = 1
                    """)
            return try Row.fetchAll(statement, arguments: [now - Self.openConnectionsLifeSeconds]).compactMap { row in
                String.fromDatabaseValue(row["backend"]).flatMap { BackendID(rawValue: $0) }.map { backend in
                    FrozenActivity(
                        backend: backend, lastActive: Int64.fromDatabaseValue(row["last_active"]),
                        connections: .init(isQuiet: Int64.fromDatabaseValue(row["is_quiet"])))
                }
            }
        }
    }
}

/// The proxy's side of it.
extension DroneStore {
    /// Stores that visitors want these backends. Those that are frozen are thawed within some hundredths of a second, if an agent runs; for the others it is
    /// traffic. Unknown names are ignored.
    ///
    /// - Parameter seconds: Unix time.
    package func want(_ names: [String], at seconds: Int64) throws(StoreError) {
        guard !names.isEmpty else { return }
        try self.writeNow("note that \(names.count) frozen backends are wanted") { db in
            for name in names { try Self.noteTraffic(of: name, at: seconds, in: db) }
        }
    }

    /// The backends that the agent freezes while there is no traffic, and whether they are frozen.
    package func holds() throws(StoreError) -> [String: FreezeState] {
        try self.readNow("read which backends are frozen") { db in
            let rows = try Row.fetchAll(db.cachedStatement(sql: "SELECT backend, is_frozen FROM plane_hold"))
            return Dictionary(rows.map { ($0["backend"] as String, FreezeState(isFrozen: $0["is_frozen"])) }) { $1 }
        }
    }
}

// MARK: - Statements inside a transaction

extension DroneStore {
    static func forgetHold(of name: String, in db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM plane_hold WHERE backend = ?").execute(arguments: [name])
    }

    /// Does nothing for a backend that is never frozen.
    static func noteTraffic(of name: String, at seconds: Int64, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE plane_hold SET last_traffic = ?1, is_wanted = is_frozen WHERE backend = ?2").execute(arguments: [seconds, name])
        // A visitor who waits for a frozen backend counts for its end of life, too.
        try db.cachedStatement(
            sql: """
                UPDATE route SET last_active = ?1
                WHERE subdomain = ?2 AND last_active < ?1 AND EXISTS (SELECT 1 FROM plane_hold WHERE backend = ?2 AND is_wanted = 1)
                """
        ).execute(arguments: [seconds, name])
    }

    private static func hold(of name: String, in db: Database) throws -> FreezeState {
        let statement = try db.cachedStatement(sql: "SELECT is_frozen FROM plane_hold WHERE backend = ?")
        return FreezeState(isFrozen: try Int64.fetchOne(statement, arguments: [name]))
    }

    private static func connections(to name: String, at now: Int64, in db: Database) throws -> FrozenActivity.Connections {
        let statement = try db.cachedStatement(sql: "SELECT MIN(is_quiet) FROM plane_open_connections WHERE backend = ? AND seen >= ?")
        return .init(isQuiet: try Int64.fetchOne(statement, arguments: [name, now - Self.openConnectionsLifeSeconds]))
    }
}

extension FrozenActivity.Connections {
    /// - Parameter isQuiet: the least value of the column of that name; nil where nothing is open.
    fileprivate init(isQuiet: Int64?) {
        self =
            switch isQuiet {
            case nil: .none
            case 0: .busy
            default: .quiet
            }
    }
}
