import GRDB
package import PlaneProtocol

/// The result of checking a backend's last activity, in the transaction that would begin its end.
package enum IdleVerdict: Equatable, Sendable {
    /// The backend was idle for too long, and its end has begun; the proxy sends no more requests there.
    case idle
    /// The backend was active; check again at this Unix time (seconds).
    case activeUntil(Int64)
    /// The backend's route is not in the table, so there can be no activity; the route has to be stored again.
    case routeMissing
    /// The backend is not `Ready`, or its end has begun already.
    case notReady
}

/// The agent's side: ends that have begun. Between the decision and the end of the process no new requests are let in, and the schedulers are told. The
/// backend has ended only when its process is gone.
extension DroneStore {
    /// Stores that the backend is being ended, deletes its route, and queues the report, all in one transaction.
    ///
    /// If an end was begun before, that one is kept. If it is soft and `ending` is hard it becomes hard: the process is killed at once then, for the reason
    /// of the earlier end.
    ///
    /// - Returns: the end that is stored now; nil if there is no such live backend.
    package func beginEnding(
        of backend: BackendID, _ ending: BackendEndingRecord, report: (BackendState, BackendEndingRecord) -> [UInt8]
    ) async throws(StoreError) -> BackendEndingRecord? {
        let name = backend.rawValue
        // Read first, because the report contains values from the table; the transaction checks that they have not changed.
        while true {
            let (state, present) = try await self.read("look how far \(name) is") { db in
                (try Self.state(of: name, in: db), try Self.storedEnding(of: name, in: db))
            }
            guard let state, !state.isTerminal else { return nil }
            var wanted = ending
            if var present {
                guard present.ending.kind == .soft, ending.ending.kind == .hard else { return present }
                present.ending.kind = .hard
                present.ending.time = ending.ending.time
                wanted = present
            }
            let (record, message) = (wanted, report(state, wanted))
            let isWritten = try await self.write("note that \(name) is being ended") { db in
                guard try Self.state(of: name, in: db) == state, try Self.storedEnding(of: name, in: db) == present else { return false }
                try Self.begin(record, of: name, report: message, in: db)
                return true
            }
            if isWritten { return record }
        }
    }

    /// Begins the end of the backend unless it was active within its idle limit. Checking and storing are one transaction, so no request in between is
    /// overlooked.
    ///
    /// Activity is stored in whole seconds, rounded down, so the limit counts from the end of that second.
    ///
    /// - Parameters:
    ///   - idleLimit: how long a backend may be without activity.
    ///   - now: Unix time in seconds.
    ///   - report: the message that reports the beginning of the end, with the state `Ready`.
    package func endIfIdle(
        _ backend: BackendID, idleLimit: WireSeconds, at now: Int64, _ ending: BackendEndingRecord, report: [UInt8]
    ) async throws(StoreError) -> IdleVerdict {
        let name = backend.rawValue
        return try await self.write("look whether \(name) is idle") { db in
            let verdict = try Self.idleness(of: name, idleLimit: idleLimit, at: now, in: db)
            if verdict == .idle { try Self.begin(ending, of: name, report: report, in: db) }
            return verdict
        }
    }

    private static func begin(_ ending: BackendEndingRecord, of name: String, report: [UInt8], in db: Database) throws {
        try Self.upsertDetail("ending", String(decoding: WireCodec.encode(ending), as: UTF8.self), of: name, in: db)
        try db.cachedStatement(sql: "DELETE FROM route WHERE backend = ?").execute(arguments: [name])
        try Self.forgetHold(of: name, in: db)
        try Self.queue(report, of: name, in: db)
    }

    static func isEnding(_ name: String, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM plane_backend WHERE name = ? AND ending IS NOT NULL")
        return try Bool.fetchOne(statement, arguments: [name]) ?? false
    }

    private static func state(of name: String, in db: Database) throws -> BackendState? {
        try String.fetchOne(db.cachedStatement(sql: "SELECT state FROM backend WHERE name = ?"), arguments: [name])
            .flatMap(BackendState.init(rawValue:))
    }

    private static func storedEnding(of name: String, in db: Database) throws -> BackendEndingRecord? {
        let statement = try db.cachedStatement(sql: "SELECT ending FROM plane_backend WHERE name = ?")
        guard let text = try String.fetchOne(statement, arguments: [name]) else { return nil }
        return try WireCodec.decode(BackendEndingRecord.self, from: Array(text.utf8))
    }

    /// - Returns: `idle` if the limit has passed. Nothing is stored.
    private static func idleness(of name: String, idleLimit: WireSeconds, at now: Int64, in db: Database) throws -> IdleVerdict {
        let statement = try db.cachedStatement(
            sql: """
                SELECT backend.state, route.last_active
                FROM backend LEFT JOIN route ON route.subdomain = backend.name
                WHERE backend.name = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [name]),
            String.fromDatabaseValue(row["state"]) == BackendState.ready.rawValue, try !Self.isEnding(name, in: db)
        else { return .notReady }
        guard let lastActive = Int64.fromDatabaseValue(row["last_active"]) else { return .routeMissing }
        let (deadline, overflow) = lastActive.addingReportingOverflow(Int64(clamping: idleLimit.rawValue))
        guard !overflow, deadline < .max else { return .activeUntil(.max) }  // a limit beyond the clock's range is none
        return deadline < now ? .idle : .activeUntil(deadline + 1)
    }
}
