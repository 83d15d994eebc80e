import Foundation
import GRDB
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

@Suite struct ProxySideTests {
    @Test("a name is found in every state, so that requests can wait for a backend that is starting", arguments: BackendState.allCases)
    func everyState(state: BackendState) async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1", state)
        #expect(try proxy.route("b-1") == RouteRecord(state: state, address: state == .ready ? "10.0.0.1:8080" : nil, bearerToken: nil))
        #expect(try proxy.route("nobody") == nil)
    }

    @Test("the token is known before the backend is ready")
    func tokenWhileLoading() async throws {
        let store = try StoreFixture().open()
        let request = try SpawnRequest.make("b-1", token: "q7Zk2m")
        #expect(try await store.admit(request, acceptedAt: 1, report: []) == .admitted)
        #expect(try store.route("b-1")?.bearerToken?.exposed == "q7Zk2m")
    }

    @Test("which routes may have changed is told by name, whoever changed them; activity changes none")
    func routeChanges() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        let first = try proxy.routeChanges(since: nil)
        #expect(first.names == nil)
        var last = first.version
        func changed() throws -> Set<String>? {
            let list = try proxy.routeChanges(since: last)
            last = list.version
            return list.names
        }
        #expect(try changed() == [])
        try await agent.enter("b-1")
        #expect(try changed() == ["b-1"])
        #expect(try await agent.record(.make("b-1", .ready)))
        try await agent.enter("b-2", .ready, address: "10.0.0.2:8080")
        #expect(try changed() == ["b-1", "b-2"])
        try proxy.recordActivity(["b-1"], at: 2000)
        try await agent.setLogCursors([.make("b-1"): WireTime(seconds: 1)])
        #expect(try changed() == [])
        #expect(try await agent.beginFreezing(of: .make("b-2"), at: 1000) == false)
        #expect(try await agent.freezeIfQuiet(.make("b-2"), limit: 1, at: 9000) == .quiet(lastActive: 1000))
        #expect(try changed() == ["b-2"])
        try fixture.execute("UPDATE backend SET state = 'Exited' WHERE name = 'b-1'")
        #expect(try changed() == ["b-1"])
        try fixture.execute("UPDATE route SET address = '10.0.0.3:8080' WHERE subdomain = 'b-2'")
        #expect(try changed() == ["b-2"])
        try fixture.execute("DELETE FROM route")
        #expect(try changed() == ["b-1", "b-2"])
    }

    @Test("a route that takes the address of another one changes both")
    func replacedRoute() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1", .ready)
        let version = try proxy.routeChanges(since: nil).version
        try await agent.enter("b-2", .ready)
        #expect(try proxy.route("b-1")?.address == nil)
        #expect(try proxy.routeChanges(since: version).names == ["b-1", "b-2"])
    }

    @Test("after more changes than the file keeps any route may have changed; so it is where another file has taken its place")
    func manyChanges() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1")
        let version = try proxy.routeChanges(since: nil).version
        try fixture.execute(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1023) INSERT INTO plane_route_change (name) SELECT 'b-' || i FROM n")
        #expect(try proxy.routeChanges(since: version).names?.count == 1023)
        try fixture.execute("INSERT INTO plane_route_change (name) VALUES ('more'), ('and more')")
        let all = try proxy.routeChanges(since: version)
        #expect(all == RouteChangeList(version: version + 1025, names: nil))
        #expect(try fixture.execute("SELECT count(*) AS n FROM plane_route_change").first?["n"] == 1024)
        #expect(try proxy.routeChanges(since: all.version + 7) == RouteChangeList(version: all.version, names: nil))
    }

    @Test("whoever watches is told of writes by other processes, and not any more once it has stopped watching")
    func writes() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1", .ready)
        let told = Recorder<Void>()
        var watch = try #require(agent.watchWrites { told.record(()) })
        try proxy.recordActivity(["b-1"], at: 2000)
        try await eventually("it is told") { !told.all.isEmpty }
        let later = Recorder<Void>()
        watch = try #require(agent.watchWrites { later.record(()) })
        let count = told.all.count
        try proxy.recordActivity(["b-1"], at: 3000)
        try await eventually("it is told") { !later.all.isEmpty }
        #expect(told.all.count <= count + 1, "one may have been on its way")
        withExtendedLifetime(watch) {}
    }

    @Test("the data version moves when another connection commits anything")
    func dataVersion() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        let before = try proxy.dataVersion()
        #expect(try proxy.dataVersion() == before)
        try await agent.setDraining(true)
        #expect(try proxy.dataVersion() != before)
    }

    @Test("P14: activity of many backends is one transaction; unknown names are passed over and time never goes back")
    func activity() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("a", .ready, at: 1000, address: "10.0.0.1:1")
        try await store.enter("b", .ready, at: 3000, address: "10.0.0.2:1")
        try store.recordActivity(["a", "nobody", "b"], at: 2000)
        try store.recordActivity([], at: 9999)
        let rows = try fixture.execute("SELECT last_active FROM route ORDER BY subdomain")
        #expect(rows.map { $0["last_active"] as Int64 } == [2000, 3000])
    }

    @Test("what several processes of a proxy have open is added up, is forgotten when it is nothing, and when nobody repeats it")
    func openConnections() throws {
        let store = try StoreFixture().open()
        func entry(_ id: String, _ requests: UInt32, _ webSockets: UInt32) throws -> OpenConnections.Entry {
            OpenConnections.Entry(backend: try .make(id), requests: requests, webSockets: webSockets)
        }
        try store.recordActivity([], open: [], of: 1, at: 1000)
        try store.recordActivity(["a", "b"], open: [entry("a", 1, 2), entry("b", 0, 1)], of: 1, at: 1000)
        try store.recordActivity(["a"], open: [entry("a", 3, 4), entry("c", 5, 0)], of: 2, at: 1001)
        #expect(try store.openConnections(limit: 9, at: 1001) == [entry("a", 4, 6), entry("b", 0, 1), entry("c", 5, 0)])
        #expect(try store.openConnections(after: .make("a"), limit: 1, at: 1001) == [entry("b", 0, 1)])
        try store.recordActivity(["b"], open: [entry("b", 0, 0)], of: 1, at: 1010)
        #expect(try store.openConnections(limit: 9, at: 1010) == [entry("a", 4, 6), entry("c", 5, 0)])
        try store.recordActivity(["c"], open: [entry("c", 6, 0)], of: 2, at: 1016)
        #expect(try store.openConnections(limit: 9, at: 1016) == [entry("a", 3, 4), entry("c", 6, 0)])
    }

    @Test("reading goes on while another process holds the write lock")
    func readWhileWriting() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1", .ready)
        try agent.writeNow("hold the lock") { db in
            try db.execute(sql: "UPDATE backend SET state = 'Exited'")
            #expect(try proxy.route("b-1")?.state == .ready)
        }
        #expect(try proxy.route("b-1")?.state == .exited)
    }

    @Test("two processes write at once: each waits its turn, nothing is lost")
    func concurrentWriters() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("busy", .ready, at: 0, address: "10.9.9.9:1")
        try await withThrowingTaskGroup { group in
            group.addTask {
                for index in 0..<200 { try await agent.enter("b-\(index)", .ready, address: "10.0.1.\(index):1") }
            }
            group.addTask {
                for second in 1...200 as ClosedRange<Int64> { try proxy.recordActivity(["busy"], at: second) }
            }
            try await group.waitForAll()
        }
        #expect(try await agent.liveCount() == 201)
        #expect(try fixture.execute("SELECT last_active FROM route WHERE subdomain = 'busy'").first?["last_active"] == 200)
    }

    @Test("what a process had committed is there after it was killed in the middle of more")
    func killed() async throws {
        let fixture = try StoreFixture()
        let path = fixture.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try DroneStore.openBlocking(path: path)
            try await store.enter("kept", .ready)
            try store.writeNow("be killed") { db in
                try db.execute(sql: "UPDATE backend SET state = 'Failed'")
                kill(getpid(), SIGKILL)
            }
        }
        #expect(try fixture.open().route("kept")?.state == .ready)
    }
}
