import Foundation
import GRDB
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

/// A database file of one test's own, and what tests put into it.
struct StoreFixture {
    private let directory: TemporaryDirectory
    let path: String

    init() throws {
        self.directory = try TemporaryDirectory()
        self.path = self.directory.file("drone.sqlite3")
    }

    func open() throws -> DroneStore { try DroneStore.openBlocking(path: self.path) }

    /// Runs SQL on a connection of its own, as a foreign process would.
    @discardableResult
    func execute(_ sql: String) throws -> [Row] {
        let queue = try DatabaseQueue(path: self.path)
        defer { try? queue.close() }  // the file is thrown away with the test
        return try queue.writeWithoutTransaction { db in
            guard sql.hasPrefix("SELECT") || sql.hasPrefix("PRAGMA table") || sql.hasPrefix("PRAGMA journal") else {
                try db.execute(sql: sql)
                return []
            }
            return try Row.fetchAll(db, sql: sql)
        }
    }

    /// Makes the file one that Plane 0.3.24 has left behind.
    func makeReferenceFile() throws {
        guard let url = Bundle.module.url(forResource: "reference-0.3.24", withExtension: "sql", subdirectory: "Fixtures") else {
            throw CocoaError(.fileNoSuchFile)
        }
        try self.execute(String(contentsOf: url, encoding: .utf8))
    }
}

extension BackendID {
    static func make(_ text: String = "b-1") throws -> BackendID {
        guard let id = BackendID(rawValue: text) else { throw CocoaError(.formatting) }
        return id
    }
}

extension SpawnRequest {
    static func make(_ id: String = "b-1", token: String? = nil, image: String = "demo") throws -> SpawnRequest {
        let bearerToken = token.map { "\"\($0)\"" } ?? "null"
        let json = """
            {"cluster":"plane.test","drone_id":"drone-a","max_idle_secs":10,"backend_id":"\(id)","metadata":{},
             "executable":{"image":"\(image)","env":{}},"bearer_token":\(bearerToken)}
            """
        return try WireCodec.decode(SpawnRequest.self, from: Array(json.utf8))
    }
}

extension DroneStore {
    /// Enters a backend with one report per state, `["Loading"]` and so on, and takes it as far as `state`.
    func enter(_ id: String, _ state: BackendState = .loading, at: Int64 = 1000, address: String = "10.0.0.1:8080") async throws {
        let request = try SpawnRequest.make(id)
        #expect(try await self.admit(request, acceptedAt: at * 1_000_000, report: Array("\"Loading\"".utf8)) == .admitted)
        guard state != .loading else { return }
        #expect(try await self.record(.make(id, state, at: at, address: address)))
    }
}

extension BackendEndingRecord {
    static func make(_ state: BackendState = .terminated, requestedBy requester: String? = nil) -> BackendEndingRecord {
        BackendEndingRecord(
            BackendEnding(.soft, .external, at: WireTime(seconds: 1000)), to: state, cause: .requested, message: "a sentence",
            requestedBy: requester)
    }
}

extension BackendTransition {
    static func make(_ id: String, _ state: BackendState, at: Int64 = 1000, address: String = "10.0.0.1:8080") throws -> BackendTransition {
        BackendTransition(
            try .make(id), to: state, at: at, route: state == .ready ? Route(address: address, bearerToken: nil) : nil,
            report: Array("\"\(state.rawValue)\"".utf8))
    }
}
