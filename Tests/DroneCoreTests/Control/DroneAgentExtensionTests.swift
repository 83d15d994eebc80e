import DroneStore
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// What requests may ask of an agent beside what 0.3.24 knows, over NATS.
@Suite struct DroneAgentExtensionTests {
    @Test("an agent tells its pool when it registers and with every sign of life, also the one without a name", arguments: ["", "gpu"])
    func pool(name: String) async throws {
        let fixture = try await AgentFixture()
        let pool = try #require(PoolName(rawValue: name))
        try await fixture.withScheduler {
            try await fixture.withAgent(change: { $0.pool = pool }) {
                try await eventually("it registered and beats") { !fixture.registrations.all.isEmpty && !fixture.statuses.all.isEmpty }
                #expect(fixture.registrations.all.first?.abilities == DroneAbilities(pool: pool))
                #expect(fixture.statuses.all.first?.pool == pool)
            }
        }
    }

    @Test("a directory without a base, and a network that nobody listed, are refused before anything is stored")
    func refusals() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withAgent(change: { $0.networks = ["games"] }) {
            var directory = fixture.request(.make("a"))
            directory.executable.dataMount = .path("data")
            let first = try await fixture.refusal(directory)
            #expect(first?.code == .notPermitted && first?.message.contains("agent.mount_base") == true)
            var network = fixture.request(.make("b"))
            network.executable.network = "host"
            let second = try await fixture.refusal(network)
            #expect(second?.code == .notPermitted && second?.message.contains("agent.docker.allowed_networks") == true)
            #expect(try await fixture.store.allBackends().backends.isEmpty)
            network.executable.network = "games"
            #expect(try await fixture.spawn(network))
        }
        try await fixture.withAgent(change: { $0.hasMountBase = true }) {
            var directory = fixture.request(.make("c"))
            directory.executable.dataMount = .path("data")
            let isTaken = try await fixture.spawn(directory)
            #expect(isTaken)
        }
    }

    @Test("a roll call tells key, fencing token, subdomain and hash as they were told, and an end that has begun; a hard request is answered when it is stored")
    func rollCall() async throws {
        let fixture = try await AgentFixture()
        let key = try #require(BackendKey(namespace: "games", name: "room-7", tag: "v3"))
        var request = fixture.request()
        request.lockAssignment = LockAssignment(lock: key.lock, uid: LockUID(rawValue: 7))
        request.key = key
        request.fencingToken = 1_710_148_530_123
        request.terms.subdomain = Subdomain(rawValue: "room-7")
        request.terms.staticTokenHash = TokenHash(digest: [UInt8](repeating: 7, count: 32))
        let engine = try #require(fixture.engine as? FakeEngine)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(request))
                try await fixture.wait(for: .ready, of: .make())
                engine.hold(.stop)
                for kind in [BackendEnding.Kind.soft, .hard] {
                    _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make(), kind: kind))
                    #expect(try await fixture.store.backend(.make())?.ending?.ending.kind == kind)
                }
                try await eventually("it registered") { !fixture.registrations.all.isEmpty }
                let call = try await fixture.bus.request(RollCallRequest(cluster: .make(), drone: .make()))
                #expect(call.metadata.abilities.knowsExtensions)
                let entry = try #require(call.backends.first)
                #expect(entry.key == key && entry.fencingToken == request.fencingToken)
                #expect(entry.subdomain == request.terms.subdomain && entry.staticTokenHash == request.terms.staticTokenHash)
                #expect(entry.ending?.kind == .hard && entry.ending?.reason == .external)
                engine.release(.stop)
                try await fixture.wait(for: .terminated, of: .make())
            }
        }
        #expect(fixture.reports.all.compactMap { $0.detail?.ending?.kind } == [.soft, .hard])
    }
}
