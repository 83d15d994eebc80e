import NATS
import NATSAddressing
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite("Subjects on which a drone speaks", .timeLimit(.minutes(10))) struct DroneVoiceTests {
    static let registration = DroneConnectRequest(droneID: .make(), version: "test", cluster: .make(), ip: .v4(0x7F00_0001))

    /// Takes registrations of one kind until `body` returns.
    static func listening<Kind: PlaneRequest>(
        to _: Kind.Type, on bus: PlaneBus, answer: Result<Bool, ErrorReply> = .success(true),
        _ body: (Recorder<Kind>) async throws -> Void
    ) async throws where Kind.Reply == Bool {
        let heard = Recorder<Kind>()
        let subscription = try bus.subscribe(to: Kind.self)
        try await bus.connection.flush()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await subscription.serve(maxConcurrent: 1) {
                    heard.record($0)
                    return answer
                }
            }
            try await body(heard)
            group.cancelAll()
        }
    }

    static func expectTaken(_ messenger: DroneMessenger) async throws {
        let isTaken = try await messenger.send(Self.registration, timeout: .seconds(5))
        #expect(isTaken)
    }

    @Test("a drone speaks on its own subjects where schedulers listen there, and not on the shared ones")
    func own() async throws {
        let fixture = try await AgentFixture()
        let messenger = DroneMessenger(drone: .make(), bus: fixture.bus, logger: AgentFixture.logger)
        try await Self.listening(to: DroneStatement<DroneConnectRequest>.self, on: fixture.bus) { own in
            try await Self.listening(to: DroneConnectRequest.self, on: fixture.bus) { shared in
                try await Self.expectTaken(messenger)
                #expect(own.all.count == 1 && shared.all.isEmpty)
            }
        }
    }

    @Test("a drone follows its schedulers from the shared subjects to its own and back, in any order of upgrading them")
    func schedulersChange() async throws {
        let fixture = try await AgentFixture()
        let messenger = DroneMessenger(drone: .make(), bus: fixture.bus, logger: AgentFixture.logger)
        for _ in 0..<2 {
            try await Self.listening(to: DroneConnectRequest.self, on: fixture.bus) { shared in
                try await Self.expectTaken(messenger)
                try await Self.expectTaken(messenger)
                #expect(shared.all.count == 2)
            }
            // A hardened scheduler: it says on the shared subject that it does not hear drones there.
            let refusal = ErrorReply(code: .notPermitted, message: "no")
            try await Self.listening(to: DroneConnectRequest.self, on: fixture.bus, answer: .failure(refusal)) { _ in
                try await Self.listening(to: DroneStatement<DroneConnectRequest>.self, on: fixture.bus) { own in
                    try await Self.expectTaken(messenger)
                    #expect(own.all.count == 1)
                }
            }
        }
    }

    @Test("a drone whose permissions are older than its agent speaks on the shared subjects")
    func permissions() async throws {
        let configuration = """
            authorization { users: [
                { user: scheduler, password: x }
                { user: drone, password: x, permissions { publish: ["cluster.*.drone.register"], subscribe: ["test.inbox.>"] } }
            ] }
            """
        try await withNATSServer(jetStream: false, configuration: configuration) { server in
            func bus(_ user: String) async throws -> PlaneBus {
                var options = NATSOptions(servers: [server.url], authentication: .userPassword(user: user, password: "x"))
                options.inboxPrefix = "test.inbox"
                return PlaneBus(
                    connection: try await NATSConnection.connect(options, logger: AgentFixture.logger), logger: AgentFixture.logger)
            }
            let scheduler = try await bus("scheduler")
            let messenger = DroneMessenger(drone: .make(), bus: try await bus("drone"), logger: AgentFixture.logger)
            try await Self.listening(to: DroneStatement<DroneConnectRequest>.self, on: scheduler) { own in
                try await Self.listening(to: DroneConnectRequest.self, on: scheduler) { shared in
                    try await Self.expectTaken(messenger)
                    try await Self.expectTaken(messenger)
                    #expect(own.all.isEmpty && shared.all.count == 2)
                }
            }
        }
    }

    @Test("an agent registers and reports on its own subjects, and a report that was queued under another name is told under its own")
    func agent() async throws {
        let fixture = try await AgentFixture()
        let reports = Recorder<UpdateBackendStateMessage>()
        let own = try fixture.bus.subscribe(to: DroneStatement<UpdateBackendStateMessage>.self)
        try await Self.listening(to: DroneStatement<DroneConnectRequest>.self, on: fixture.bus) { registrations in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await own.serve(maxConcurrent: 8) {
                        reports.record($0.content)
                        return .success(UnitReply())
                    }
                }
                try await fixture.withAgent {
                    #expect(try await fixture.spawn(fixture.request()))
                    try await eventually("Ready is reported") { reports.all.contains { $0.state == .ready } }
                }
                group.cancelAll()
            }
            #expect(!registrations.all.isEmpty)
            #expect(reports.all.allSatisfy { $0.drone == .make() })
        }
    }
}
