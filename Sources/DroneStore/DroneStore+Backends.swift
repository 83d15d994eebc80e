import GRDB
package import PlaneProtocol

/// The result of entering a spawn request into the table.
package enum Admission: Equatable, Sendable {
    /// The backend is stored now, in state `Loading`, with its report queued.
    case admitted
    /// The same request was admitted before; its sender has not seen our answer and repeats it.
    case repeated
    /// The name belongs to another backend, which runs or is still remembered.
    case nameTaken
    /// There are as many live backends as allowed.
    case noRoom
}

/// The agent's side: backends and their states.
extension DroneStore {
    /// Stores a new backend with the state `Loading`.
    ///
    /// A request counts as a repetition if all of it is equal to an earlier one; for a backend that has ended, all but its secrets, which the table has
    /// forgotten. Ids of ended backends cannot be used again while their row is kept, because the cluster's state remembers them as ended.
    ///
    /// - Parameter acceptedAt: Unix time in microseconds.
    /// - Parameter lifetimeEnd: Unix time in seconds; nil without a limit.
    /// - Parameter room: how many live backends there may be, this one included; nil for any number. Counted in the same transaction.
    /// - Parameter report: the message that reports `Loading`.
    package func admit(
        _ request: SpawnRequest, acceptedAt: Int64, lifetimeEnd: Int64? = nil, room: Int? = nil, report: [UInt8]
    ) async throws(StoreError) -> Admission {
        let name = request.backendID.rawValue
        let spec = WireCodec.encode(request)
        return try await self.write("enter backend \(name)") { db in
            let statement = try db.cachedStatement(sql: "SELECT spec, state FROM backend WHERE name = ?")
            if let row = try Row.fetchOne(statement, arguments: [name]) {
                guard let present = String.fromDatabaseValue(row["spec"]).flatMap({ Self.decodeSpec(Array($0.utf8)) }) else { return .nameTaken }
                let hasEnded = String.fromDatabaseValue(row["state"]).flatMap(BackendState.init(rawValue:))?.isTerminal ?? false
                return present == (hasEnded ? request.withoutSecrets : request) ? .repeated : .nameTaken
            }
            if let room, try Self.liveCount(in: db) >= room { return .noRoom }
            try db.cachedStatement(sql: "INSERT INTO backend (name, spec, state) VALUES (?, ?, ?)")
                .execute(arguments: [name, String(decoding: spec, as: UTF8.self), BackendState.loading.rawValue])
            try db.cachedStatement(sql: "INSERT INTO plane_backend (name, accepted_at, lifetime_end) VALUES (?, ?, ?)")
                .execute(arguments: [name, acceptedAt, lifetimeEnd])
            try Self.queue(report, of: name, in: db)
            return .admitted
        }
    }

    /// Stores a state, what comes with it, and its report.
    ///
    /// If the state is an end, the secrets of the backend are deleted: values of its environment, credentials for registries, its bearer token.
    ///
    /// - Returns: `false` if nothing was stored, because there is no such backend, it has ended, or its end has begun and this state is not an end. An end is
    ///   final.
    package func record(_ transition: BackendTransition) async throws(StoreError) -> Bool {
        try await self.write("record \(transition.backend.rawValue) as \(transition.state)") { db in
            try Self.apply(transition, in: db)
        }
    }

    /// Stores activity at this Unix time (seconds), even if it is before the stored time, because the clock was set.
    package func restartIdleTime(of backend: BackendID, at seconds: Int64) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("restart the idle time of \(name)") { db in
            try db.cachedStatement(sql: "UPDATE route SET last_active = ? WHERE subdomain = ?").execute(arguments: [seconds, name])
        }
    }

    /// Makes sure that a running backend's route is in the table and leads to its container. If not, it is stored, with activity now.
    package func ensureRoute(of backend: BackendID, _ route: BackendTransition.Route, at: Int64) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("restore the route of \(name)") { db in
            guard try !Self.isEnding(name, in: db) else { return }
            let statement = try db.cachedStatement(sql: "SELECT address FROM route WHERE subdomain = ?")
            guard try String.fetchOne(statement, arguments: [name]) != route.address else { return }
            try Self.replaceRoute(route, of: name, at: at, in: db)
        }
    }

    /// Stores which container is the backend's. A handle without an id does not change what is stored.
    package func setContainer(_ container: ContainerHandle, of backend: BackendID) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("note the container of \(name)") { db in try Self.store(container, of: name, in: db) }
    }

    /// Moves the end of the backend's lifetime to this Unix time (seconds), because the clock was set.
    package func setLifetimeEnd(_ seconds: Int64, of backend: BackendID) async throws(StoreError) {
        let name = backend.rawValue
        try await self.write("move the end of the lifetime of \(name)") { db in try Self.upsertDetail("lifetime_end", seconds, of: name, in: db) }
    }

    /// Stores the positions up to which logs have been passed on, for many backends in one transaction.
    package func setLogCursors(_ cursors: [BackendID: WireTime]) async throws(StoreError) {
        guard !cursors.isEmpty else { return }
        try await self.write("note the log position of \(cursors.count) backends") { db in
            for (backend, cursor) in cursors {
                try Self.upsertDetail("log_cursor", cursor.unixNanoseconds, of: backend.rawValue, in: db)
            }
        }
    }

    /// Every backend in the file, whatever its state. A bad row does not affect the others.
    package func allBackends() async throws(StoreError) -> StoredBackends {
        try await self.read("list the backends") { db in try Self.listing(in: db, where: "TRUE", []) }
    }

    package func backend(_ id: BackendID) async throws(StoreError) -> StoredBackend? {
        try await self.read("read backend \(id.rawValue)") { db in
            try Self.listing(in: db, where: "backend.name = ?", [id.rawValue]).backends.first
        }
    }

    /// The requests of backends that were accepted at this Unix time (microseconds) or later, whatever has become of them; the latest first. Rows that cannot be
    /// read are passed over.
    package func requests(since: Int64, limit: Int) async throws(StoreError) -> [SpawnRequest] {
        try await self.read("read the latest requests") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT spec FROM plane_backend JOIN backend ON backend.name = plane_backend.name
                    WHERE accepted_at >= ? ORDER BY accepted_at DESC LIMIT ?
                    """)
            return try String.fetchAll(statement, arguments: [since, limit]).compactMap { Self.decodeSpec(Array($0.utf8)) }
        }
    }

    /// Backends that are `Loading`, `Starting` or `Ready`.
    package func liveCount() async throws(StoreError) -> Int {
        try await self.read("count the live backends") { db in try Self.liveCount(in: db) }
    }

    /// Deletes backends that ended before the given Unix time (seconds) and have no report waiting, with their routes.
    ///
    /// Backends from 0.3.24 have no time of their end; theirs counts from the first call.
    ///
    /// - Parameter limit: how many rows are deleted at most, so that an old file does not hold the write lock for seconds.
    /// - Returns: how many were deleted; if it is `limit`, call again at once.
    package func forgetEnded(before: Int64, now: Int64, limit: Int = 200) async throws(StoreError) -> Int {
        try await self.write("forget ended backends") { db in
            try db.execute(
                sql: """
                    INSERT INTO plane_backend (name, ended_at)
                    SELECT name, ? FROM backend WHERE state IN (\(Self.endedStates))
                        AND NOT EXISTS (SELECT 1 FROM plane_backend p WHERE p.name = backend.name AND p.ended_at IS NOT NULL)
                    ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at
                    """, arguments: [now])
            let names = try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM plane_backend
                    WHERE ended_at < ? AND NOT EXISTS (SELECT 1 FROM plane_outbox o WHERE o.backend = plane_backend.name) LIMIT ?
                    """, arguments: [before, limit])
            for name in names {
                try db.execute(sql: "DELETE FROM route WHERE backend = ?", arguments: [name])
                try db.execute(sql: "DELETE FROM backend WHERE name = ?", arguments: [name])
            }
            return names.count
        }
    }
}

// MARK: - Statements inside a transaction

extension DroneStore {
    static let liveStates = BackendState.allCases.filter { !$0.isTerminal }.map { "'\($0.rawValue)'" }.joined(separator: ",")
    static let endedStates = BackendState.allCases.filter(\.isTerminal).map { "'\($0.rawValue)'" }.joined(separator: ",")

    private static func liveCount(in db: Database) throws -> Int {
        try Int.fetchOne(db.cachedStatement(sql: "SELECT count(*) FROM backend WHERE state IN (\(Self.liveStates))")) ?? 0
    }

    static func apply(_ transition: BackendTransition, in db: Database) throws -> Bool {
        let name = transition.backend.rawValue
        guard try transition.state.isTerminal || !Self.isEnding(name, in: db) else { return false }
        let update = try db.cachedStatement(
            sql: """
                UPDATE backend SET state = ?, exit_code = COALESCE(?, exit_code) WHERE name = ? AND state IN (\(Self.liveStates))
                """)
        try update.execute(arguments: [transition.state.rawValue, transition.exitCode, name])
        guard db.changesCount == 1 else { return false }
        if let container = transition.container { try Self.store(container, of: name, in: db) }
        if let route = transition.route {
            try Self.replaceRoute(route, of: name, at: transition.at, in: db)
        }
        if transition.state.isTerminal {
            try Self.upsertDetail("ended_at", transition.at, of: name, in: db)
            try Self.forgetHold(of: name, in: db)
            try Self.forgetSecrets(of: name, in: db)
        }
        if let report = transition.report {
            try Self.queue(report, of: name, in: db)
        }
        return true
    }

    /// An older route with the same address belongs to a container that is gone, so it is deleted.
    static func replaceRoute(_ route: BackendTransition.Route, of name: String, at: Int64, in db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO route (backend, subdomain, address, last_active, bearer_token) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [name, name, route.address, at, route.bearerToken?.exposed])
    }

    private static func store(_ container: ContainerHandle, of name: String, in db: Database) throws {
        guard let id = container.id else { return }
        try Self.upsertDetail("container", id, of: name, in: db)
        try Self.upsertDetail("container_name", container.name, of: name, in: db)
        try Self.upsertDetail("container_labels", String(decoding: WireCodec.encode(container.labels), as: UTF8.self), of: name, in: db)
    }

    static func upsertDetail(_ column: String, _ value: some DatabaseValueConvertible, of name: String, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO plane_backend (name, \(column)) SELECT name, ?1 FROM backend WHERE name = ?2
                ON CONFLICT (name) DO UPDATE SET \(column) = ?1
                """
        ).execute(arguments: [value, name])
    }

    private static func listing(in db: Database, where condition: String, _ arguments: StatementArguments) throws -> StoredBackends {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT backend.name AS name, spec, state, exit_code, accepted_at, lifetime_end, log_cursor, ending,
                       container, container_name, container_labels
                FROM backend LEFT JOIN plane_backend ON plane_backend.name = backend.name
                WHERE \(condition) ORDER BY backend.rowid
                """, arguments: arguments)
        var listing = StoredBackends()
        while let row = try rows.next() {
            let name = String.fromDatabaseValue(row["name"]) ?? "?"
            do throws(UnreadableRowReason) {
                listing.backends.append(try Self.record(from: row))
            } catch {
                listing.unreadable.append(.init(name: name, reason: error.text))
            }
        }
        return listing
    }

    private struct UnreadableRowReason: Error {
        var text: String
    }

    private static func record(from row: Row) throws(UnreadableRowReason) -> StoredBackend {
        let state = String.fromDatabaseValue(row["state"]) ?? ""
        guard let state = BackendState(rawValue: state) else { throw UnreadableRowReason(text: "unknown state '\(state)'") }
        let spec: SpawnRequest
        do throws(MessageError) {
            spec = try WireCodec.decode(SpawnRequest.self, from: Array((String.fromDatabaseValue(row["spec"]) ?? "").utf8))
        } catch {
            throw UnreadableRowReason(text: "spec: \(error)")
        }
        guard spec.backendID.rawValue == String.fromDatabaseValue(row["name"]) else {
            throw UnreadableRowReason(text: "its spec names another backend")
        }
        return StoredBackend(
            spec: spec,
            state: state,
            exitCode: Int64.fromDatabaseValue(row["exit_code"]),
            acceptedAt: Int64.fromDatabaseValue(row["accepted_at"]),
            lifetimeEnd: Int64.fromDatabaseValue(row["lifetime_end"]),
            logCursor: Int64.fromDatabaseValue(row["log_cursor"]).map { WireTime(unixNanoseconds: $0) },
            ending: try Self.ending(from: row), container: try Self.container(of: spec.backendID, from: row))
    }

    /// Agents before step 4 of the schema stored only the container's id, and before step 3 not even that.
    private static func container(of backend: BackendID, from row: Row) throws(UnreadableRowReason) -> ContainerHandle {
        var handle = ContainerHandle(of: backend)
        handle.id = String.fromDatabaseValue(row["container"])
        if let name = String.fromDatabaseValue(row["container_name"]) { handle.name = name }
        guard let labels = String.fromDatabaseValue(row["container_labels"]) else { return handle }
        do throws(MessageError) {
            handle.labels = try WireCodec.decode([String: String].self, from: Array(labels.utf8))
        } catch {
            throw UnreadableRowReason(text: "container_labels: \(error)")
        }
        return handle
    }

    private static func ending(from row: Row) throws(UnreadableRowReason) -> BackendEndingRecord? {
        guard let text = String.fromDatabaseValue(row["ending"]) else { return nil }
        do throws(MessageError) {
            return try WireCodec.decode(BackendEndingRecord.self, from: Array(text.utf8))
        } catch {
            throw UnreadableRowReason(text: "ending: \(error)")
        }
    }

    /// A stored spec that cannot be read is equal to no request.
    private static func decodeSpec(_ bytes: [UInt8]) -> SpawnRequest? {
        do throws(MessageError) {
            return try WireCodec.decode(SpawnRequest.self, from: bytes)
        } catch {
            return nil
        }
    }
}
