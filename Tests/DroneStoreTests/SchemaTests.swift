import Foundation
import GRDB
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

@Suite struct SchemaTests {
    @Test("a file made by us looks to the reference as if it had made it", arguments: ["backend", "route", "_sqlx_migrations"])
    func looksLikeReference(table: String) throws {
        let reference = try StoreFixture()
        try reference.makeReferenceFile()
        let ours = try StoreFixture()
        _ = try ours.open()

        func columns(_ fixture: StoreFixture) throws -> [String] {
            try fixture.execute("PRAGMA table_info(\(table))").map {
                "\($0["name"] as String) \(($0["type"] as String).uppercased()) notnull=\($0["notnull"] as Int) pk=\($0["pk"] as Int)"
            }
        }
        #expect(try columns(ours) == columns(reference))
        #expect(try !columns(ours).isEmpty)
    }

    @Test("the reference's bookkeeping carries its own checksums and success, so that it has nothing to apply")
    func bookkeeping() throws {
        let reference = try StoreFixture()
        try reference.makeReferenceFile()
        let ours = try StoreFixture()
        _ = try ours.open()
        let query = "SELECT version, description, success, hex(checksum) AS checksum FROM _sqlx_migrations ORDER BY version"
        #expect(try ours.execute(query) == reference.execute(query))
    }

    @Test("unique and foreign keys are those of the reference")
    func keys() throws {
        let fixture = try StoreFixture()
        _ = try fixture.open()
        let indexes = try fixture.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'backend'")
        #expect(indexes.map { $0["name"] as String }.contains("state"))
        try fixture.execute("INSERT INTO backend (name, spec, state) VALUES ('a', '{}', 'Ready')")
        try fixture.execute("INSERT INTO route (backend, subdomain, address, last_active) VALUES ('a', 'a', '1.2.3.4:1', 0)")
        #expect(throws: DatabaseError.self) {
            try fixture.execute("INSERT INTO route (backend, subdomain, address, last_active) VALUES ('a', 'b', '1.2.3.4:1', 0)")
        }
        #expect(throws: DatabaseError.self) {
            try fixture.execute("INSERT INTO route (backend, subdomain, address, last_active) VALUES ('nobody', 'c', '1.2.3.4:2', 0)")
        }
    }

    @Test("a file of the reference is opened, kept, and switched to WAL")
    func opensReferenceFile() async throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        let store = try fixture.open()
        let listing = try await store.allBackends()
        #expect(listing.backends.map(\.id.rawValue) == ["running", "swept"])
        #expect(listing.backends.map(\.state) == [.ready, .swept])
        #expect(try store.route("running")?.address == "172.17.0.2:8080")
        #expect(try fixture.execute("PRAGMA journal_mode").first?["journal_mode"] == "wal")
        #expect(try fixture.execute("SELECT installed_on FROM _sqlx_migrations").first?["installed_on"] == "2024-03-11 09:00:00")
    }

    @Test("A3: a row with an unknown state and one with an unreadable spec are told apart from the rest, and left alone")
    func unreadableRows() async throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        let store = try fixture.open()
        let unreadable = try await store.allBackends().unreadable
        #expect(unreadable.map(\.name) == ["from-the-future", "garbled"])
        #expect(unreadable.first?.reason == "unknown state 'Hibernating'")
        #expect(try store.route("from-the-future") == nil)
        #expect(try store.route("garbled")?.state == .ready)
        #expect(try fixture.execute("SELECT count(*) AS n FROM backend").first?["n"] == 4)
    }

    @Test("opening again changes nothing")
    func idempotent() throws {
        let fixture = try StoreFixture()
        _ = try fixture.open()
        let schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
        let before = try fixture.execute(schema)
        _ = try fixture.open()
        #expect(try fixture.execute(schema) == before)
    }

    @Test("agent and proxy may create the file at the same moment")
    func creationRace() async throws {
        for _ in 0..<5 {
            let fixture = try StoreFixture()
            let path = fixture.path
            try await withThrowingTaskGroup { group in
                for _ in 0..<8 { group.addTask { try await DroneStore.open(path: path) } }
                for try await store in group { #expect(try store.routeChanges(since: nil) == RouteChangeList(version: 0, names: nil)) }
            }
        }
    }

    @Test("a schema of a later Plane is refused with a sentence, and not touched")
    func laterSchema() throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        try fixture.execute("INSERT INTO _sqlx_migrations VALUES (20990101000000, 'later', '2099-01-01', 1, x'00', 1)")
        let error = #expect(throws: StoreError.self) { try fixture.open() }
        #expect(error?.code == .foreignSchema)
        #expect(error?.description.contains("20990101000000") == true)
        #expect(try fixture.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'plane%'").isEmpty)
    }

    @Test("a schema step that was cut short is refused")
    func unfinishedSchema() throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        try fixture.execute("UPDATE _sqlx_migrations SET success = 0 WHERE version = 20230202192019")
        #expect(throws: StoreError.self) { try fixture.open() }
    }

    @Test("what is not a database, and a place where none can be, are told apart")
    func unusablePaths() throws {
        let fixture = try StoreFixture()
        try Data(repeating: 0x41, count: 4096).write(to: URL(filePath: fixture.path))
        #expect(throws: StoreError.self) { try fixture.open() }
        do {
            _ = try fixture.open()
        } catch {
            #expect((error as? StoreError)?.code == .notADatabase)
        }
        let nowhere = #expect(throws: StoreError.self) { try DroneStore.openBlocking(path: "/nonexistent/drone.sqlite3") }
        #expect(nowhere?.code == .notAccessible)
    }
}
