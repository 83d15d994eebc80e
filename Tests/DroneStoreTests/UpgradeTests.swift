import Foundation
import GRDB
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

/// One part of a drone is replaced by a newer version while the others go on.
@Suite struct UpgradeTests {
    /// A file as a version of this software leaves it, with running backends.
    ///
    /// - Parameter step: The last step of the schema that the version had.
    private func makeOlderVersion(step: Int = 1) throws -> StoreFixture {
        let fixture = try StoreFixture()
        let url = try #require(Bundle.module.url(forResource: "plane-schema-\(step)", withExtension: "sql", subdirectory: "Fixtures"))
        try fixture.execute(String(contentsOf: url, encoding: .utf8))
        return fixture
    }

    @Test("a file of our first schema is opened, and everything in it is kept")
    func firstSchema() async throws {
        let fixture = try self.makeOlderVersion()
        let store = try fixture.open()
        #expect(try await store.allBackends().backends.map(\.id.rawValue) == ["running"])
        #expect(try await store.backend(.make("running"))?.acceptedAt == 1_710_148_500_000_000)
        #expect(try store.route("running")?.address == "172.17.0.2:8080")
        #expect(try await store.oldestReports(limit: 5).map(\.backend) == ["running"])
        #expect(try await store.isDraining())
    }

    @Test("rows of a version that kept a container's id, or nothing of it, have the name and the labels that every version gives")
    func containersOfOlderVersions() async throws {
        let store = try self.makeOlderVersion(step: 3).open()
        let records = try await store.allBackends().backends
        #expect(records.map(\.id.rawValue) == ["known", "taken-over", "ending"])
        var known = ContainerHandle(of: try .make("known"))
        known.id = "4f7c1f3a9d0e5b6c7a8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
        #expect(records.map(\.container) == [known, ContainerHandle(of: try .make("taken-over")), ContainerHandle(of: try .make("ending"))])
        #expect(known.name == "plane-known")
        #expect(known.labels == ["dev.plane.managed": "true", "dev.plane.backend": "plane-known"])
        #expect(records.last?.ending?.state == .terminated)
    }

    @Test("backends of a version without lifetimes have none, and new ones get one that outlives the agent")
    func lifetimes() async throws {
        let fixture = try self.makeOlderVersion(step: 4)
        let store = try fixture.open()
        let before = try await store.allBackends()
        #expect(before.unreadable.isEmpty)
        #expect(before.backends.map(\.id.rawValue) == ["known", "taken-over", "ending"])
        #expect(before.backends.allSatisfy { $0.lifetimeEnd == nil })
        #expect(before.backends.last?.ending?.state == .terminated)
        #expect(try await store.admit(.make("new"), acceptedAt: 5_000_000, lifetimeEnd: 65, report: []) == .admitted)
        #expect(try await fixture.open().backend(.make("new"))?.lifetimeEnd == 65)
        try await store.setLifetimeEnd(70, of: .make("new"))
        #expect(try await fixture.open().backend(.make("new"))?.lifetimeEnd == 70)
    }

    @Test("a handle that was completed is kept whole, and an older version that is put back finds the id where it looks for it")
    func handleRoundTrip() async throws {
        let fixture = try self.makeOlderVersion(step: 3)
        let store = try fixture.open()
        let handle = ContainerHandle(
            id: "5a", name: "renamed", labels: ["dev.plane.managed": "true", "dev.plane.backend": "plane-taken-over", "dev.plane.drone": "drone-a"])
        try await store.setContainer(handle, of: try .make("taken-over"))
        #expect(try await store.backend(.make("taken-over"))?.container == handle)
        try await store.setContainer(ContainerHandle(of: try .make("taken-over")), of: try .make("taken-over"))
        #expect(try await store.backend(.make("taken-over"))?.container == handle, "one without an id says nothing")
        #expect(try fixture.execute("SELECT container FROM plane_backend WHERE name = 'taken-over'").first?["container"] == "5a")
    }

    @Test("an upgrade for which the disk has no room loses nothing, says so, and succeeds once there is room")
    func fullDisk() async throws {
        let fixture = try self.makeOlderVersion()
        let newer = try DatabaseQueue(path: fixture.path)
        try await newer.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA max_page_count = 1")  // SQLite raises it to what the file has already
            let error = #expect(throws: DatabaseError.self) { try SchemaInstaller.install(in: db) }
            #expect(error?.resultCode == .SQLITE_FULL)
            #expect(StoreError("upgrade", cause: try #require(error)).description.contains("free space"))
        }
        try newer.close()
        #expect(try fixture.execute("SELECT name, state FROM backend").map { $0["name"] as String } == ["running"])
        #expect(try fixture.execute("SELECT address FROM route").first?["address"] == "172.17.0.2:8080")
        #expect(try await fixture.open().allBackends().backends.map(\.id.rawValue) == ["running"])
    }

    @Test("a container is a backend's by its label, unless it has another role", arguments: [nil, "backend", "network-spare"])
    func roles(label: String?) throws {
        var handle = ContainerHandle(of: try .make("b"))
        handle.labels[ContainerHandle.roleLabel] = label
        #expect(handle.role == (label == "network-spare" ? .other("network-spare") : .backend(try .make("b"))))
    }

    @Test("the proxy of the older version goes on while the agent of a newer one changes the schema")
    func migrationBesideAnOlderProxy() async throws {
        let fixture = try self.makeOlderVersion()
        let proxy = try fixture.open()  // statements prepared, connections open
        let before = try proxy.routeChanges(since: nil).version
        #expect(try proxy.route("running")?.state == .ready)
        try proxy.recordActivity(["running"], at: 1_710_149_000)

        // A step as our rules allow it: tables, columns of our own tables, and triggers; nothing of the reference's.
        let next = OwnMigration(
            version: 1000, description: "a step to come",
            statements: """
                CREATE TABLE plane_future (name TEXT NOT NULL PRIMARY KEY REFERENCES backend (name) ON DELETE CASCADE, note TEXT) STRICT;
                ALTER TABLE plane_backend ADD COLUMN note TEXT;
                CREATE TRIGGER plane_future_changed AFTER UPDATE OF state ON backend
                    BEGIN INSERT OR REPLACE INTO plane_future VALUES (NEW.name, NEW.state); END;
                """)
        let newer = try DatabaseQueue(path: fixture.path)
        try await newer.writeWithoutTransaction { try SchemaInstaller.install(in: $0, own: OwnMigration.all + [next]) }

        #expect(try proxy.route("running")?.address == "172.17.0.2:8080")
        try proxy.recordActivity(["running"], at: 1_710_149_100)
        #expect(try fixture.execute("SELECT last_active FROM route").first?["last_active"] == 1_710_149_100)
        try await newer.write { try $0.execute(sql: "UPDATE backend SET state = 'Terminated' WHERE name = 'running'") }
        #expect(try proxy.routeChanges(since: before).names == ["running"])
        #expect(try proxy.route("running")?.state == .terminated)
        #expect(try fixture.execute("SELECT note FROM plane_future").first?["note"] == "Terminated")

        // And back: the older version opens what the newer one left.
        let older = try fixture.open()
        #expect(try await older.allBackends().backends.map(\.state) == [.terminated])
    }
}
