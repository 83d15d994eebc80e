import Foundation
import GRDB
import Glibc
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

/// What lies on the drone's disk, and who may read it.
@Suite(.serialized) struct SecretsTests {
    private static let secrets = ["T0ken-Of-A-Visitor", "R3gistry-Passw0rd", "Value-0f-A-Variable"]

    private static func request(_ id: String = "b-1") throws -> SpawnRequest {
        var request = try SpawnRequest.make(id, token: self.secrets[0])
        request.executable.credentials = .usernamePassword(username: "u", password: Secret(self.secrets[1]))
        request.executable.env = ["NAME": Secret(self.secrets[2] + String(repeating: "x", count: 20_000))]
        return request
    }

    private static func mode(_ path: String) throws -> mode_t {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw CocoaError(.fileNoSuchFile) }
        return status.st_mode & 0o7777
    }

    /// Which of the secrets are in the file or beside it.
    private static func found(in fixture: StoreFixture) throws -> [String] {
        var bytes = Data()
        for suffix in ["", "-wal"] {
            bytes += FileManager.default.contents(atPath: fixture.path + suffix) ?? Data()
        }
        return self.secrets.filter { bytes.range(of: Data($0.utf8)) != nil }
    }

    @Test("only the owner may read the files, whatever the umask", arguments: [0o000, 0o002, 0o022, 0o077] as [mode_t])
    func modes(mask: mode_t) async throws {
        let fixture = try StoreFixture()
        let before = umask(mask)
        defer { umask(before) }
        let store = try fixture.open()
        try await store.enter("b-1", .ready)
        for suffix in ["", "-wal", "-shm"] { #expect(try Self.mode(fixture.path + suffix) == 0o600, "\(suffix)") }
    }

    @Test("in a directory that a group shares on purpose the group may too, and nobody else")
    func sharedDirectory() async throws {
        let fixture = try StoreFixture()
        let directory = (fixture.path as NSString).deletingLastPathComponent
        #expect(chmod(directory, 0o2770) == 0)
        let store = try fixture.open()
        try await store.enter("b-1", .ready)
        for suffix in ["", "-wal", "-shm"] { #expect(try Self.mode(fixture.path + suffix) == 0o660, "\(suffix)") }
    }

    @Test("a file of 0.3.24 that everybody could read is nobody's but the owner's from then on, with those beside it")
    func tightened() throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        #expect(chmod(fixture.path, 0o644) == 0)
        let other = try fixture.open()
        for suffix in ["", "-wal", "-shm"] { #expect(chmod(fixture.path + suffix, 0o644) == 0) }
        _ = try fixture.open()
        for suffix in ["", "-wal", "-shm"] { #expect(try Self.mode(fixture.path + suffix) == 0o600, "\(suffix)") }
        withExtendedLifetime(other) {}
    }

    @Test("the secrets of a backend are in its row while it lives, and nowhere once it has ended and the log is emptied")
    func forgotten() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        let request = try Self.request()
        #expect(try await store.admit(request, acceptedAt: 1, report: []) == .admitted)
        let route = BackendTransition.Route(address: "10.0.0.1:8080", bearerToken: Secret(Self.secrets[0]))
        #expect(try await store.record(BackendTransition(.make(), to: .ready, at: 1, route: route)))
        #expect(try await store.backend(.make())?.spec == request)
        #expect(try Self.found(in: fixture) == Self.secrets)

        #expect(try await store.record(.make("b-1", .terminated)))
        #expect(try await store.truncateLog())
        #expect(try Self.found(in: fixture) == [])
        let kept = try #require(try await store.backend(.make())?.spec)
        #expect(kept.executable.image == request.executable.image)
        #expect(kept.bearerToken == nil)
        #expect(try store.route("b-1") == RouteRecord(state: .terminated, address: nil, bearerToken: nil))
    }

    @Test("the same request for a backend that has ended is still recognised, though its secrets are forgotten")
    func repeated() async throws {
        let store = try StoreFixture().open()
        #expect(try await store.admit(Self.request(), acceptedAt: 1, report: []) == .admitted)
        #expect(try await store.record(.make("b-1", .errorLoading)))
        #expect(try await store.admit(Self.request(), acceptedAt: 2, report: []) == .repeated)
        var other = try Self.request()
        other.executable.image = "other"
        #expect(try await store.admit(other, acceptedAt: 2, report: []) == .nameTaken)
    }

    @Test("an upgrade takes the secrets of backends that have ended, and leaves those of the living")
    func upgraded() async throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        let spec = String(decoding: WireCodec.encode(try Self.request("ended")), as: UTF8.self)
        let living = String(decoding: WireCodec.encode(try Self.request("living")), as: UTF8.self)
        try fixture.execute("INSERT INTO backend (name, spec, state) VALUES ('ended', '\(spec)', 'Swept'), ('living', '\(living)', 'Loading')")
        try fixture.execute(
            "INSERT INTO route (backend, subdomain, address, last_active, bearer_token) VALUES ('ended', 'ended', '1.2.3.4:1', 0, '\(Self.secrets[0])')")
        let store = try fixture.open()
        #expect(try await store.backend(.make("ended"))?.spec == Self.request("ended").withoutSecrets)
        #expect(try await store.backend(.make("living"))?.spec == Self.request("living"))
        #expect(try fixture.execute("SELECT count(*) AS n FROM route WHERE subdomain = 'ended'").first?["n"] == 0)
    }

    @Test("somebody who reads puts the emptying of the log off, and holds nobody up for long")
    func reader() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1", .ready)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true  // it is left open on purpose
        let other = try DatabaseQueue(path: fixture.path, configuration: configuration)
        try await other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN")
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM backend")
        }
        try await store.enter("b-2")
        #expect(try await !store.truncateLog())
        try await store.enter("b-3")
        try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        #expect(try await store.truncateLog())
    }
}
