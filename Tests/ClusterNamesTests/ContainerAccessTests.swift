import NATS
import PlaneTestSupport
import Testing

/// Who may go into containers, with the sample nats-server.conf.
@Suite("Going into containers", .serialized, .timeLimit(.minutes(10))) struct ContainerAccessTests {
    @Test("the drone hears the operator, and neither an application nor anybody else of the fleet")
    func operatorOnly() async throws {
        let server = try await GuardedNATS.start()
        let log = LogRecorder()
        func connect(_ user: String, inbox: String) async throws -> NATSConnection {
            try await NATSConnection.connect(server.options(user, inboxPrefix: inbox), logger: log.logger)
        }
        let drone = try await connect("drone-1", inbox: "cluster.plane_test.inbox.agent.drone-1")
        let heard = try drone.subscribe("cluster.plane_test.drone.drone-1.exec.*")
        try await drone.flush()
        let application = try await connect("application", inbox: "app.inbox")
        let (scheduler, gateway) = (
            try await connect("scheduler", inbox: "controller.inbox.scheduler"), try await connect("gateway", inbox: "controller.inbox.gateway")
        )
        let subjects = ["begin", "input", "output", "describe"].map { "cluster.plane_test.drone.drone-1.exec.\($0)" }
        for subject in subjects {
            let error = await #expect(throws: NATSError.self) { try await application.request([], to: subject, timeout: .seconds(60)) }
            #expect(error?.code == .noResponders, "\(subject)")
            for other in [scheduler, gateway] {
                let refused = await #expect(throws: NATSError.self) { try await other.request([], to: subject, timeout: .seconds(60)) }
                #expect(refused?.code == .permissionDenied, "\(subject)")
            }
        }
        // What anybody else had got through would come before.
        let person = try await connect("operator", inbox: "cli.inbox")
        for subject in subjects { try person.publish([], to: subject) }
        try await person.flush()
        heard.drain()
        var arrived: [String] = []
        for await message in heard { arrived.append(message.subject) }
        #expect(arrived == subjects)
        for connection in [drone, application, scheduler, gateway, person] { await connection.drain(timeout: .seconds(1)) }
        await server.server.stop(.kill)
    }
}
