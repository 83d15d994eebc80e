import GRDB

/// A state report that no scheduler has acknowledged yet.
package struct QueuedReport: Sendable, Identifiable {
    /// Ascending in the order in which the states were stored.
    package let id: Int64
    /// The backend's name as it is stored; a report is sent even if the name is invalid.
    package let backend: String
    /// The message's JSON as it was when the state was stored, so a repetition has the time of the first attempt.
    package let payload: [UInt8]
}

/// The agent's side: reports that wait for a scheduler's acknowledgement. They are stored in one transaction with their state, so every stored state is
/// reported, and no other.
extension DroneStore {
    /// The oldest waiting report of each backend, oldest first. Reports of one backend are sent one after the other; those of different backends do not wait
    /// for each other.
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

    /// Deletes a report that was acknowledged. Harmless when repeated.
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
