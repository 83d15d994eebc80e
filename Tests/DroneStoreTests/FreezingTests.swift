import GRDB
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

/// The backend was last active in second 1000; times are Unix seconds.
@Suite struct FreezingTests {
    private let fixture: StoreFixture
    private let agent: DroneStore
    private let proxy: DroneStore

    init() throws {
        self.fixture = try StoreFixture()
        self.agent = try self.fixture.open()
        self.proxy = try self.fixture.open()
    }

    private func enter(_ id: String = "b-1", address: String = "10.0.0.1:8080") async throws {
        try await self.agent.enter(id, .ready, at: 1000, address: address)
        #expect(try await self.agent.beginFreezing(of: .make(id), at: 1000) == false)
    }

    private func freeze(_ id: String = "b-1", at now: Int64, limit: WireSeconds = 10) async throws -> QuietVerdict {
        try await self.agent.freezeIfQuiet(.make(id), limit: limit, at: now)
    }

    private func webSocket(_ id: String = "b-1") throws -> OpenConnections.Entry {
        OpenConnections.Entry(backend: try .make(id), requests: 0, webSockets: 1)
    }

    private func wantedNow() async throws -> [BackendID] { try #require(try await self.agent.wantedBackends()).backends }

    @Test("it is frozen when there was no traffic for longer than its limit, and the proxy is told with the route; afterwards it is awake")
    func quiet() async throws {
        try await self.enter()
        #expect(try self.proxy.route("b-1")?.hold == .awake)
        #expect(try await self.freeze(at: 1010) == .activeUntil(1011))
        #expect(try await self.freeze(at: 1010, limit: WireSeconds(rawValue: .max)) == .activeUntil(.max))
        let before = try self.proxy.routeChanges(since: nil).version
        #expect(try await self.freeze(at: 1011) == .quiet(lastActive: 1000))
        #expect(try self.proxy.route("b-1")?.hold == .frozen)
        #expect(try self.proxy.routeChanges(since: before).names == ["b-1"])
        #expect(try self.proxy.holds() == ["b-1": .frozen])
        try await self.agent.noteThawed(.make(), at: 1020)
        #expect(try self.proxy.holds() == ["b-1": .awake])
        #expect(try await self.freeze(at: 1025) == .activeUntil(1031), "it was thawed for somebody")
    }

    @Test("a backend that the agent does not freeze costs the proxy no other answer")
    func never() async throws {
        try await self.agent.enter("b-1", .ready, at: 1000)
        #expect(try self.proxy.route("b-1")?.hold == .never)
        #expect(try await self.freeze(at: 9999) == .notReady)
        try self.proxy.want(["b-1", "nobody"], at: 2000)
        #expect(try await self.wantedNow().isEmpty)
        #expect(try self.proxy.holds().isEmpty)
    }

    @Test("what a visitor wants is told until it goes on, and traffic noted just before saves it from being frozen")
    func wanted() async throws {
        try await self.enter()
        try await self.enter("b-2", address: "10.0.0.2:8080")
        #expect(try await self.freeze(at: 1011) == .quiet(lastActive: 1000))
        try self.proxy.want(["b-1", "b-2"], at: 1012)
        #expect(try await self.wantedNow() == [.make()])
        #expect(try await self.agent.frozenActivity(at: 1012).map(\.lastActive) == [1012], "who waits for a frozen backend counts against the end of its life")
        try await self.agent.noteThawed(.make(), at: 1012)
        #expect(try await self.wantedNow().isEmpty)
        try self.proxy.recordActivity(["b-2"], at: 1012)
        #expect(try await self.freeze("b-2", at: 1015) == .activeUntil(1023))
    }

    @Test("open WebSockets with nothing but pings keep a backend from its end and not from being frozen; anything else keeps it awake, and wakes it")
    func webSockets() async throws {
        try await self.enter()
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], of: 1, at: 1005)
        #expect(try await self.freeze(at: 1006) == .activeUntil(1017), "a proxy that says nothing of quiet ones counts as busy")
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], quiet: ["b-1"], of: 1, at: 1014)
        #expect(try await self.freeze(at: 1015) == .activeUntil(1016), "the last traffic was in second 1005")
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], quiet: ["b-1"], of: 1, at: 1016)
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], of: 2, at: 1016)
        #expect(try await self.freeze(at: 1016) == .activeUntil(1027), "another process has one that is not")
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], quiet: ["b-1"], of: 2, at: 1027)
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], quiet: ["b-1"], of: 1, at: 1027)
        #expect(try await self.freeze(at: 1027) == .quiet(lastActive: 1027))
        #expect(try await self.agent.frozenActivity(at: 1028) == [FrozenActivity(backend: .make(), lastActive: 1027, connections: .quiet)])
        #expect(try await self.wantedNow().isEmpty)
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], of: 1, at: 1029)
        #expect(try await self.wantedNow() == [.make()])
        #expect(try await self.agent.frozenActivity(at: 1029).map(\.connections) == [.busy])
        #expect(try await self.agent.frozenActivity(at: 1099).map(\.connections) == [.none], "the proxies are gone")
    }

    @Test("who has looked which ones are wanted is told of nothing until something is written")
    func looks() async throws {
        try await self.enter()
        let first = try #require(try await self.agent.wantedBackends())
        #expect(try await self.agent.wantedBackends(since: first.version) == nil)
        #expect(try await self.freeze(at: 1011) == .quiet(lastActive: 1000))
        try self.proxy.want(["b-1"], at: 1012)
        #expect(try await self.agent.wantedBackends(since: first.version)?.backends == [.make()])
    }

    @Test("of the reports that it was frozen or thawed only the last one waits; all others of it, and those of other backends, stay")
    func reports() async throws {
        func told(_ id: String) async throws -> [String] {
            try self.fixture.execute("SELECT payload FROM plane_outbox WHERE backend = '\(id)' ORDER BY id").map { $0["payload"] }
        }
        func hold(_ id: String, _ isHeld: Bool) async throws -> Bool {
            var transition = try BackendTransition.make(id, .ready)
            transition.route = nil
            transition.report = Array(#"{"state":"Ready","detail":{"held":\#(isHeld)}}"#.utf8)
            return try await self.agent.recordHold(transition)
        }
        try await self.enter()
        try await self.enter("b-2", address: "10.0.0.2:8080")
        let before = try await told("b-1")
        for round in 0..<10 {
            for isHeld in [true, false] { #expect(try await hold("b-1", isHeld)) }
            if round == 0 { #expect(try await hold("b-2", true)) }
        }
        #expect(try await told("b-1") == before + [#"{"state":"Ready","detail":{"held":false}}"#])
        #expect(try await told("b-2").count == before.count + 1)
        _ = try await self.agent.beginEnding(of: .make(), .make()) { _, _ in Array("\"ending\"".utf8) }
        #expect(try await !hold("b-1", true), "its end has begun")
        #expect(try await told("b-1").last == "\"ending\"")
    }

    @Test("the statement of a proxy that does not know of frozen backends counts as busy")
    func olderProxy() async throws {
        try await self.enter()
        try self.fixture.execute(
            "INSERT OR REPLACE INTO plane_open_connections (backend, process, requests, websockets, seen) VALUES ('b-1', 7, 0, 1, 1009)")
        #expect(try await self.freeze(at: 1012) == .activeUntil(1023))
    }

    @Test("the next agent is told that it is frozen, and one that freezes nothing leaves nothing")
    func nextAgent() async throws {
        try await self.enter()
        #expect(try await self.freeze(at: 1011) == .quiet(lastActive: 1000))
        #expect(try await self.agent.beginFreezing(of: .make(), at: 1020) == true)
        #expect(try self.agent.hold(of: .make()) == .frozen)
        #expect(try await self.agent.currentHold(of: .make()) == .frozen)
        try await self.agent.endFreezing(of: .make())
        #expect(try self.proxy.route("b-1")?.hold == .never)
        try await self.agent.endFreezing(of: .make())
    }

    @Test("a backend that is being ended, or has ended, is frozen no more", arguments: [true, false])
    func ends(isSoft: Bool) async throws {
        try await self.enter()
        #expect(try await self.freeze(at: 1011) == .quiet(lastActive: 1000))
        if isSoft {
            _ = try await self.agent.beginEnding(of: .make(), .make()) { _, _ in Array("\"ending\"".utf8) }
        } else {
            #expect(try await self.agent.record(.make("b-1", .failed)))
        }
        #expect(try self.proxy.holds().isEmpty)
        #expect(try await self.freeze(at: 9999) == .notReady)
    }

    @Test("a clock that is set back keeps no quiet WebSocket's backend awake for ever")
    func clock() async throws {
        try await self.enter()
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], of: 1, at: 1010)
        try self.proxy.recordActivity(["b-1"], open: [self.webSocket()], quiet: ["b-1"], of: 1, at: 1011)
        #expect(try await self.freeze(at: 500) == .activeUntil(511))
        #expect(try await self.freeze(at: 511) == .quiet(lastActive: 1011))
    }
}
