import Logging
package import NATS
import NATSAddressing
package import PlaneProtocol
import PlaneService
package import PlaneTestSupport
import Synchronization

/// Answers schedule requests as the test wants them answered, and writes what schedulers and agents write.
package final class FakeScheduler: Sendable {
    package enum Behaviour: Sendable {
        case reply(ScheduleReply)
        /// Takes the backend, and reports these states.
        case spawn(@Sendable (String) throws -> [BackendStateMessage])
    }

    package let connection: NATSConnection
    private let taken = Recorder<ScheduleRequest>()
    private let behaviour = Mutex(Behaviour.reply(.noDroneAvailable))
    private let services = Mutex<[Task<Void, Never>]>([])

    /// - Parameter logs: subjects of the stream of lines.
    package init(_ server: NATSServer, logs: [String] = ["backend.*.log"]) async throws {
        let options = NATSOptions(servers: [server.url], name: "fake scheduler", initialAttempts: 1)
        self.connection = try await NATSConnection.connect(options, logger: Logger(label: "fake") { _ in SwiftLogNoOpLogHandler() })
        let jetStream = self.connection.jetStream
        _ = try await jetStream.ensureStream(Self.stateStream)
        _ = try await jetStream.ensureStream(StreamConfiguration(name: "backend_logs", subjects: logs))
        _ = try await jetStream.ensureStream(StreamConfiguration(name: "backend_status", subjects: ["backend.*.status"]))
        try await self.serve(ScheduleRequest.self) { request, _ in
            self.taken.record(request)
            return try await self.schedule(request)
        }
    }

    /// Schedule requests so far.
    package var requests: [ScheduleRequest] { self.taken.all }

    private static let stateStream = StreamConfiguration(name: "plane_state", subjects: ["state.>"], maxMessagesPerSubject: 1)

    /// Deletes the stream of the state, and makes it again, empty.
    package func remakeStateStream() async throws {
        _ = try await self.connection.request([], to: "$JS.API.STREAM.DELETE.plane_state", timeout: .seconds(60))
        _ = try await self.connection.jetStream.ensureStream(Self.stateStream)
    }

    package func answer(_ reply: ScheduleReply) { self.behaviour.withLock { $0 = .reply(reply) } }

    package func answer(_ states: @escaping @Sendable (String) throws -> [BackendStateMessage]) {
        self.behaviour.withLock { $0 = .spawn(states) }
    }

    package func publish(_ message: BackendStateMessage) async throws {
        _ = try await self.connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
    }

    package func log(_ backend: String, _ text: String) async throws {
        let message = BackendLogMessage(backendID: try .make(backend), kind: .stdout, text: text)
        _ = try await self.connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
    }

    /// A line as agents print it on subjects that name them.
    package func log(_ backend: String, _ text: String, from drone: String) async throws {
        let message = BackendLogMessage(backendID: try .make(backend), kind: .stdout, text: text)
        _ = try await self.connection.jetStream.publish(
            WireCodec.encode(message), to: message.ownSubject(drone: try .make(drone), cluster: try .make("plane.test")))
    }

    /// A ready drone of `plane.test` with backends in these states.
    package func write(drone: String, backends: [String: BackendState]) async throws {
        let cluster = try ClusterName.make("plane.test")
        let drone = try DroneID.make(drone)
        var changes: [ClusterStateMessage] = [
            .drone(DroneMessage(drone: drone, change: .state(.ready, at: .now()))),
            .drone(DroneMessage(drone: drone, change: .keepAlive(at: .now()))),
        ]
        for (id, state) in backends {
            changes.append(.backend(BackendMessage(backend: try .make(id), change: .assignment(BackendAssignment(drone: drone)))))
            changes.append(.backend(BackendMessage(backend: try .make(id), change: .state(state, at: .now()))))
        }
        for change in changes {
            let message = StateMessage.cluster(cluster, change)
            _ = try await self.connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
        }
    }

    /// Answers every question for a lock's backend like this.
    package func serveFetches(_ reply: FetchReply) async throws {
        try await self.serve(FetchBackendForLock.self) { _, _ in reply }
    }

    /// Answers for the agents of all drones that nothing is open.
    package func serveConnections(
        _ answer: @escaping @Sendable (OpenConnectionsRequest) throws -> OpenConnections = { _ in OpenConnections(backends: [], isComplete: true) }
    ) async throws {
        try await self.serve(OpenConnectionsRequest.self) { request, _ in try answer(request) }
    }

    /// Acknowledges terminations, as every agent does, and reports the end if it is to come.
    /// - Parameter began: Told of each.
    package func serveTermination(reporting state: BackendState?, began: @escaping @Sendable () -> Void = {}) async throws {
        try await self.serve(TerminationRequest.self) { request, _ in
            began()
            if let state { try await self.publish(try .make(state, backend: request.backendID.rawValue)) }
            return UnitReply()
        }
    }

    /// Answers for the agents of all drones: what is brought to a program comes back from it, and then it ends with this code.
    /// - Parameter began: Told which program is asked for.
    package func serveExec(
        exitCode: Int64, describing request: ScheduleRequest? = nil, began: @escaping @Sendable (ExecRequest) -> Void = { _ in }
    ) async throws {
        let input = Mutex((bytes: [UInt8](), isComplete: false))
        try await self.serve(ExecRequest.self) { asked, _ in
            began(asked)
            return UnitReply()
        }
        try await self.serve(ExecInput.self) { message, _ in
            input.withLock { input in
                input.bytes = input.bytes.prefix(Int(message.offset)) + message.data.bytes
                if message.isLast { input.isComplete = true }
                return ExecInputTaken(taken: UInt64(input.bytes.count))
            }
        }
        try await self.serve(ExecOutputRequest.self) { question, _ in
            input.withLock { input in
                guard input.isComplete else { return .nothingYet }
                guard question.after == 0, !input.bytes.isEmpty else { return .ended(number: question.after + 1, exitCode: exitCode) }
                return .piece(number: 1, .stdout, Base64Text(input.bytes))
            }
        }
        if let request { try await self.serve(DescribeBackend.self) { _, _ in request } }
    }

    /// Takes reports of states, and tells what it took.
    package func serveReports(_ take: @escaping @Sendable (UpdateBackendStateMessage) -> Void) async throws {
        try await self.serve(UpdateBackendStateMessage.self) { update, _ in
            take(update)
            return UnitReply()
        }
    }

    /// Writes one message of the shared state.
    package func write(_ message: StateMessage) async throws {
        _ = try await self.connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
    }

    /// - Parameter statuses: what the drone says of itself afterwards, with the number of its backends.
    package func serveDrain(of drone: String, thenSaying statuses: [(DroneState, UInt32)] = []) async throws {
        let cluster = try ClusterName.make("plane.test")
        let drone = try DroneID.make(drone)
        try await self.serve(DrainDrone.self, on: DrainDrone.subject(cluster: cluster, drone: drone)) { _, _ in
            for (state, live) in statuses {
                let status = DroneStatusMessage(
                    droneID: drone, cluster: cluster, droneVersion: "test", state: state, runningBackends: live)
                try self.connection.publish(WireCodec.encode(status), to: status.subject)
            }
            return UnitReply()
        }
    }

    package func stop() async {
        await self.connection.drain(timeout: .seconds(2))
        for service in self.services.withLock({ $0 }) { await service.value }
    }

    private func schedule(_ request: ScheduleRequest) async throws -> ScheduleReply {
        switch self.behaviour.withLock({ $0 }) {
        case .reply(let reply): return reply
        case .spawn(let states):
            guard let id = request.backendID else { throw InvalidName(text: "no backend id") }
            for state in try states(id.rawValue) { try await self.publish(state) }
            return .scheduled(
                ScheduledBackend(
                    drone: try .make("drone-a"), backendID: id, bearerToken: request.requireBearerToken ? "t0ken" : nil,
                    spawned: true))
        }
    }

    private func serve<Request: PlaneRequest>(
        _: Request.Type, on subject: String = Request.subscription,
        _ handler: @escaping @Sendable (Request, NATSMessage) async throws -> Request.Reply
    ) async throws {
        let subscription = try self.connection.subscribe(subject)
        try await self.connection.flush()
        let task = Task {
            for await message in subscription {
                // A request that this fake cannot serve gets no answer, and the test's command runs into its timeout.
                guard let request = try? WireCodec.decode(Request.self, from: message.payload, subject: message.subject),
                    let reply = try? await handler(request, message), let subject = message.reply
                else { continue }
                try? self.connection.publish(WireCodec.encode(reply), to: subject)
            }
        }
        self.services.withLock { $0.append(task) }
    }
}

/// Runs `body` with a NATS server and a fake scheduler on it.
package func withFakeScheduler(
    logs: [String] = ["backend.*.log"], _ body: (FakeScheduler, NATSServer) async throws -> Void
) async throws {
    try await withNATSServer { server in
        let scheduler = try await FakeScheduler(server, logs: logs)
        try await body(scheduler, server)
        await scheduler.stop()
    }
}
