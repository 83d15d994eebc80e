import GRDB
import PlaneProtocol

/// What must not outlive a backend: the values of its environment, its credentials for registries, its bearer token.
extension DroneStore {
    /// The spec as it is kept of an ended backend, in SQL. What a version of ours does not know of a spec is kept as it is.
    static let specWithoutSecrets = """
        CASE WHEN json_valid(spec) THEN json_set(spec, '$.bearer_token', NULL, '$.executable.credentials', NULL, '$.executable.env', json('{}'))
             ELSE '{}' END
        """

    /// Overwritten, not only unlinked: the writer's connection has `secure_delete` on. The WAL's older pages go with the next
    /// ``truncateLog()``.
    static func forgetSecrets(of name: String, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE backend SET spec = \(Self.specWithoutSecrets) WHERE name = ?").execute(arguments: [name])
        try db.cachedStatement(sql: "DELETE FROM route WHERE backend = ?").execute(arguments: [name])
    }

    private static let truncationPatienceMilliseconds = 50

    /// Writes what the WAL holds into the file and empties the WAL, with it what ended backends have left there.
    ///
    /// Waits a moment for readers and writers, which normally take well below a millisecond; somebody who keeps a transaction open must not
    /// hold up the agent.
    ///
    /// - Returns: Whether it is done; if not, somebody was reading or writing, and a later call will do it.
    package func truncateLog() async throws(StoreError) -> Bool {
        do {
            return try await self.writer.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA busy_timeout = \(Self.truncationPatienceMilliseconds)")
                defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(Self.busyTimeoutSeconds * 1000))") }  // setting a number cannot fail
                return try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
            }
        } catch {
            throw StoreError("empty the write-ahead log", cause: error)
        }
    }
}

extension SpawnRequest {
    /// As the table keeps it of an ended backend.
    var withoutSecrets: SpawnRequest {
        var request = self
        request.bearerToken = nil
        request.executable.credentials = nil
        request.executable.env = [:]
        return request
    }
}
