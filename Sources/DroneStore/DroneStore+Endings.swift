import GRDB
package import PlaneProtocol

/// What a look at a backend's last activity, in the transaction that would end it, came to.
package enum IdleVerdict: Equatable, Sendable {
    /// It had been idle for too long, and its end has begun; the proxy sends nothing there any more.
    case idle
    /// It has been active since; look again at this Unix time (seconds).
    case activeUntil(Int64)
    /// Its route is not in the table, so nobody can be active; it has to be written again.
    case routeMissing
    /// It is not `Ready`, or its end has begun already.
    case notReady
}

/// The agent's side: ends that have begun. Between the decision and the end of the process nothing new gets in, and everybody is told;
/// the backend has ended only when its process is gone.
extension DroneStore {
    /// Writes down that the backend is being ended, takes its route away, and queues the report of it, all in one transaction.
    ///
    /// An ending that was there before stands, but a soft one becomes hard if `ending` is: its process is killed at once then, for the
    /// reason it was to end for anyway.
    ///
    /// - Returns: What holds from now on. Nil when there is no such live backend.
    package func beginEnding(
        of backend: BackendID, _ ending: BackendEndingRecord, report: (BackendState, BackendEndingRecord) -> [UInt8]
    ) async throws(StoreError) -> BackendEndingRecord? {
        let name = backend.rawValue
        // Read before, because the report repeats what only the table knows; the transaction looks whether it still holds.
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

    /// Begins the end of the backend unless it was active within its idle limit; looking and writing are one transaction, so a request
    /// noted in between cannot be overlooked.
    ///
    /// Activity is stored in whole seconds, rounded down. The limit therefore counts from the end of that second.
    ///
    /// - Parameters:
    ///   - idleLimit: How long a backend may be without activity.
    ///   - now: Unix time in seconds.
    ///   - report: The message that tells of the ending beside `Ready`.
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

    /// - Returns: `idle` when the limit has passed; nothing is written.
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
