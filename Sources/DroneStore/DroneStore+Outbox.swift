import GRDB

/// A state report that no scheduler has acknowledged yet.
package struct QueuedReport: Sendable, Identifiable {
    /// Ascending in the order the states were stored.
    package let id: Int64
    /// As stored; rows are never refused for their name.
    package let backend: String
    /// The message's JSON, unchanged since the state was stored, so that a retry carries the time of the first attempt.
    package let payload: [UInt8]
}

/// The agent's side: reports waiting for a scheduler's acknowledgement. Written with the state they tell of, in one transaction, so
/// no state goes unreported and none is reported that was not stored.
extension DroneStore {
    /// The oldest waiting report of each backend, oldest backend first. Reports of one backend go one after the other; those of
    /// different backends need not wait for each other.
    package func oldestReports(limit: Int) async throws(StoreError) -> [QueuedReport] {
        try await self.read("read waiting reports") { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT id, backend, payload FROM plane_outbox
                    WHERE id IN (SELECT min(id) FROM plane_outbox GROUP BY backend) ORDER BY id LIMIT ?
                    """)
            return try Row.fetchAll(statement, arguments: [limit]).map {
                QueuedReport(id: $0["id"], backend: $0["backend"], payload: Array(($0["payload"] as String).utf8))
            }
        }
    }

    /// Forgets a report that was acknowledged. Harmless when repeated.
    package func removeReport(_ id: Int64) async throws(StoreError) {
        try await self.write("remove an acknowledged report") { db in
            try db.cachedStatement(sql: "DELETE FROM plane_outbox WHERE id = ?").execute(arguments: [id])
        }
    }

    package func waitingReportCount() async throws(StoreError) -> Int {
        try await self.read("count waiting reports") { db in
            try Int.fetchOne(db.cachedStatement(sql: "SELECT count(*) FROM plane_outbox")) ?? 0
        }
    }

    static func queue(_ report: [UInt8], of name: String, in db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO plane_outbox (backend, payload) VALUES (?, ?)")
            .execute(arguments: [name, String(decoding: report, as: UTF8.self)])
    }
}
