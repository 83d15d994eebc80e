import GatewayCore
import GatewayHTTPConfiguration
import JSONValues
import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCoreConfiguration
import Testing

@testable import GatewayHTTP

@Suite("What a gateway remembers of backends, whose ids may be used again")
struct BackendMemoryTests {
    private static func life(_ fencingToken: Int64?, cluster: String = "plane.test") throws -> BackendLife {
        BackendLife(backend: try .make("mine"), cluster: try .make(cluster), fencingToken: fencingToken)
    }

    private static func status(_ state: BackendState, cluster: String = "plane.test", at time: WireTime = .now()) throws -> BackendStateMessage {
        BackendStateMessage(cluster: try .make(cluster), state: state, backend: try .make("mine"), time: time)
    }

    private static let opened = OpenedBackend(subdomain: Subdomain(rawValue: "old"))

    @Test("what is remembered of a backend says nothing of the next one with its id, nor of one in another cluster")
    func lives() throws {
        let memory = BackendMemory()
        memory.remember("bearer", of: try Self.life(1))
        memory.remember(Self.opened, of: try Self.life(1))
        #expect(try memory.bearerToken(of: Self.life(1)) == "bearer")
        #expect(try memory.opened(of: Self.life(1)) == Self.opened)
        #expect(try memory.bearerToken(of: Self.life(1, cluster: "other.test")) == nil)
        #expect(try memory.bearerToken(of: Self.life(nil)) == nil)
        #expect(try memory.bearerToken(of: Self.life(2)) == nil)
        #expect(try memory.opened(of: Self.life(2)) == nil)
        memory.remember("new", of: try Self.life(2))
        // A late answer about the former one.
        memory.remember("late", of: try Self.life(1))
        #expect(try memory.bearerToken(of: Self.life(1)) == nil)
        #expect(try memory.bearerToken(of: Self.life(2)) == "new")
    }

    @Test("what is known before the state knows the backend counts for the backend that the state then tells of, but not for a later one")
    func beforeTheState() throws {
        let memory = BackendMemory()
        memory.remember(Self.opened, of: try Self.life(nil))
        #expect(try memory.opened(of: Self.life(nil)) == Self.opened)
        #expect(try memory.opened(of: Self.life(7)) == Self.opened)
        #expect(try memory.opened(of: Self.life(8)) == nil)
        let late = BackendMemory(youth: .zero)
        late.remember(Self.opened, of: try Self.life(nil))
        #expect(try late.opened(of: Self.life(7)) == nil)
        late.remember(Self.opened, of: try Self.life(nil))
        #expect(try late.opened(of: Self.life(nil)) == nil)
    }

    @Test("at its end a backend is forgotten, and at no other status")
    func end() throws {
        let memory = BackendMemory()
        memory.remember("bearer", of: try Self.life(1))
        memory.heard(try Self.status(.ready))
        memory.heard(try Self.status(.terminated, cluster: "other.test"))
        #expect(try memory.bearerToken(of: Self.life(1)) == "bearer")
        memory.heard(try Self.status(.terminated))
        #expect(memory.count == 0)
        #expect(try memory.bearerToken(of: Self.life(1)) == nil)
    }

    @Test("only so many backends and visits are remembered")
    func bounds() throws {
        let memory = BackendMemory(limit: 100, visitLimit: 10)
        for number in 0..<1000 {
            memory.remember("bearer", of: BackendLife(backend: try .make("b-\(number)"), cluster: try .make("plane.test"), fencingToken: 1))
            #expect(memory.count <= 100)
        }
        let life = try Self.life(1)
        memory.remember(Self.opened, of: life)
        let users = (0..<10).map { TokenHash(of: "u\($0)") }
        for user in users {
            #expect(memory.noteVisit(user, of: life))
            #expect(!memory.noteVisit(user, of: life))
        }
        #expect(memory.noteVisit(TokenHash(of: "one more"), of: life))
        #expect(memory.noteVisit(users[0], of: life), "the former ones are forgotten, and stored again")
    }

    @Test("a visit is stored once for each backend, also for the next one with the same id, and again where that has failed")
    func visits() throws {
        let memory = BackendMemory()
        let user = TokenHash(of: "u1")
        memory.remember(Self.opened, of: try Self.life(1))
        #expect(memory.noteVisit(user, of: try Self.life(1)))
        #expect(!memory.noteVisit(user, of: try Self.life(1)))
        memory.forgetVisit(user, of: try Self.life(1))
        #expect(memory.noteVisit(user, of: try Self.life(1)))
        memory.remember(Self.opened, of: try Self.life(2))
        #expect(memory.noteVisit(user, of: try Self.life(2)))
    }

    @Test("how a backend ended is not told of the next one with its id")
    func history() throws {
        let history = RecentHistory()
        let (id, start) = (try BackendID.make("mine"), WireTime.now().seconds)
        history.heard(try Self.status(.failed, at: WireTime(seconds: start)))
        #expect(history.facts(of: id)?.diagnosis != nil)
        // A status that comes twice.
        history.heard(try Self.status(.loading, at: WireTime(seconds: start - 1)))
        #expect(history.facts(of: id)?.diagnosis != nil)
        history.heard(try Self.status(.loading, at: WireTime(seconds: start + 60)))
        #expect(history.facts(of: id)?.diagnosis == nil)
    }

    @Test("an id that a caller uses again is another backend: its visitors are told nothing that those of the former were")
    func reused() async throws {
        try await GatewayFixture.run(scheduling: { $0.endedRetention = .zero }) { gateway in
            let executable = #""executable":{"image":"app"}"#
            let first = try await gateway.connect(#"{"spawn_config":{"id":"mine","subdomain":"old","use_static_token":true,\#(executable)}}"#)
            #expect(first["subdomain"]?.text == "old" && first["token"]?.text?.hasPrefix("s.") == true, "\(first.body)")
            let (id, cluster) = (try BackendID.make("mine"), gateway.drone.cluster)
            let mirror = gateway.gateway.fleet.mirror
            try await eventually("it is ready") { mirror.ask { $0.backend(id, in: cluster)?.state == .ready } }
            gateway.drone.report(id, .exited)
            try await eventually("the state has forgotten it") { mirror.ask { $0.backend(id, in: cluster) == nil } }
            // As a scheduler does it where it finds the record of an ended backend.
            _ = try await gateway.client.bus.connection.jetStream.purge(
                stream: TokenRecord.stream, subject: OpenedBackend.subject(of: id))
            let again = #"{"key":{"name":"room"},"spawn_config":{"id":"mine",\#(executable)}}"#
            var second: Answer?
            try await eventually("the id may be used again") {
                second = try await gateway.connect(again)
                return second?["spawned"] == .bool(true)
            }
            for answer in [try #require(second), try await gateway.connect(again)] {
                #expect(answer["backend_id"]?.text == "mine" && answer["subdomain"] == .null, "\(answer.body)")
                #expect(answer["token"]?.text?.hasPrefix("s.") == false, "\(answer.body)")
            }
        }
    }

    @Test("what was written of a backend that is gone is replaced; what a request that is repeated has written counts")
    func written() async throws {
        try await GatewayFixture.run { gateway in
            let (id, cluster) = (try BackendID.make("mine"), gateway.drone.cluster)
            let jetStream = gateway.client.bus.connection.jetStream
            func writer(youth: Duration) -> TokenWriter {
                TokenWriter(jetStream: jetStream, memory: BackendMemory(), configuration: GatewayConfiguration(port: 0), logger: silent, youth: youth)
            }
            // Older than it can be.
            let (strict, late) = (writer(youth: .seconds(60)), writer(youth: .milliseconds(-1)))
            let (former, next) = (Self.opened, OpenedBackend(subdomain: Subdomain(rawValue: "new")))
            #expect(try await strict.prepare(former, of: id, in: cluster, isNew: false) { false } == former)
            #expect(try await strict.prepare(next, of: id, in: cluster, isNew: false) { false } == former, "a repetition, whose backend is being made")
            #expect(try await late.prepare(next, of: id, in: cluster, isNew: false) { true } == former, "a repetition, whose backend is there")
            #expect(try await late.prepare(next, of: id, in: cluster, isNew: false) { false } == next)
            let life = BackendLife(backend: id, cluster: cluster, fencingToken: 1)
            #expect(try await writer(youth: .zero).opened(life, isNew: false) == next)
            #expect(try await late.prepare(OpenedBackend(), of: id, in: cluster, isNew: false) { false } == OpenedBackend())
            #expect(try await writer(youth: .zero).opened(life, isNew: false) == OpenedBackend())
        }
    }
}
