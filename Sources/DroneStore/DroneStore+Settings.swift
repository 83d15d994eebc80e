import GRDB

/// The agent's side: what a drone remembers of itself.
extension DroneStore {
    private static let drainKey = "draining"

    /// Whether an operator asked this drone to take no more backends. Survives restarts.
    package func isDraining() async throws(StoreError) -> Bool {
        try await self.read("read the drain setting") { db in
            try String.fetchOne(db, sql: "SELECT value FROM plane_setting WHERE key = ?", arguments: [Self.drainKey]) == "true"
        }
    }

    package func setDraining(_ draining: Bool) async throws(StoreError) {
        try await self.write("store the drain setting") { db in
            try db.execute(
                sql: "INSERT INTO plane_setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                arguments: [Self.drainKey, draining ? "true" : "false"])
        }
    }
}
