import GRDB
import PlaneProtocol

/// Data that is deleted when a backend ends: the values of its environment, its credentials for registries, its bearer token.
extension DroneStore {
    /// An SQL expression for the spec of an ended backend. Members that this version does not know are kept.
    static let specWithoutSecrets = """
        CASE WHEN json_valid(spec) THEN json_set(spec, '$.bearer_token', NULL, '$.executable.credentials', NULL, '$.executable.env', json('{}'))
             ELSE '{}' END
        """

    /// The data is overwritten, not only unlinked: the writer's connection has `secure_delete` on. Older pages in the WAL are removed by the next
    /// ``truncateLog()``.
    static func forgetSecrets(of name: String, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE backend SET spec = \(Self.specWithoutSecrets) WHERE name = ?").execute(arguments: [name])
        try db.cachedStatement(sql: "DELETE FROM route WHERE backend = ?").execute(arguments: [name])
    }

    private static let truncationPatienceMilliseconds = 50

    /// Writes the contents of the WAL into the file and empties the WAL, which may still contain secrets of ended backends.
    ///
    /// Waits a moment for readers and writers, which normally take well below a millisecond. A process that keeps a transaction open must not delay the agent
    /// for longer.
    ///
    /// - Returns: whether that is done; if not, somebody was reading or writing, and a later call will do it.
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
    /// The request as the table keeps it for an ended backend.
    var withoutSecrets: SpawnRequest {
        var request = self
        request.bearerToken = nil
        request.executable.credentials = nil
        request.executable.env = [:]
        return request
    }
}
