import GRDB
package import PlaneProtocol

/// The agent's side: what a drone stores about itself.
extension DroneStore {
    private static let drainKey = "draining"
    private static let droneKey = "drone_id"

    /// Whether an operator has asked this drone to take no more backends. Stored, so that it survives restarts.
    package func isDraining() async throws(StoreError) -> Bool {
        try await self.read("read the drain setting") { db in try Self.setting(Self.drainKey, in: db) == "true" }
    }

    package func setDraining(_ draining: Bool) async throws(StoreError) {
        try await self.write("store the drain setting") { db in
            try Self.set(Self.drainKey, draining ? "true" : "false", in: db)
        }
    }

    /// The id of a drone that was not given one. It is made up at the first start and then stays the same, so that a restart does not leave an unused drone
    /// in the state.
    ///
    /// - Parameter candidate: stored and returned if there is none yet.
    package func droneID(orStore candidate: DroneID) async throws(StoreError) -> DroneID {
        try await self.write("read the drone's id") { db in
            if let text = try Self.setting(Self.droneKey, in: db), let id = DroneID(rawValue: text) { return id }
            try Self.set(Self.droneKey, candidate.rawValue, in: db)
            return candidate
        }
    }

    private static func setting(_ key: String, in db: Database) throws -> String? {
        try String.fetchOne(db, sql: "SELECT value FROM plane_setting WHERE key = ?", arguments: [key])
    }

    private static func set(_ key: String, _ value: String, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO plane_setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            arguments: [key, value])
    }
}
