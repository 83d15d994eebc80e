import DroneStore
import Foundation
import Logging
import PlaneProtocol
import PlaneTestSupport
import Synchronization

@testable import DroneCore

/// A drone of one test's own: a real table in a temporary directory, an engine in memory, and everything that was told written down.
final class DroneFixture: Sendable {
    let directory: TemporaryDirectory
    let store: DroneStore
    let engine: FakeEngine
    /// What the backends printed, and the agent's own lines, as they are published.
    let logs = Recorder<BackendLogMessage>()
    let time = ManualTime()
    let freezeWatch: FreezeWatch
    let port = Mutex(Port.answers)

    /// What a probe of a backend's port comes to.
    enum Port {
        case answers
        /// Nothing, until nobody asks any more.
        case silent
        /// Nothing within the limit.
        case timesOut
    }

    /// Of the agent's parts; silent unless a test gives it another one.
    let logger: Logger

    init(images: [String: FakeEngine.Image] = ["demo": .serves], logger: Logger = AgentFixture.logger) throws {
        self.logger = logger
        self.directory = try TemporaryDirectory()
        self.store = try DroneStore.openBlocking(path: self.directory.file("drone.sqlite3"))
        self.engine = FakeEngine(images: images)
        self.freezeWatch = FreezeWatch(store: self.store)
    }

    var context: BackendContext {
        var context = BackendContext(
            drone: .make(), cluster: .make(), store: self.store, engine: self.engine, feeds: self.engine,
            probe: { [self] _, _, _ in
                switch self.port.withLock({ $0 }) {
                case .answers: return .answered
                case .timesOut: return .unanswered(.mute)
                case .silent:
                    for await _ in AsyncStream<Never>.makeStream().stream {}  // ends when the task is cancelled
                    return .unanswered(.mute)
                }
            },
            publishLog: { [logs] in logs.record($0) }, reportQueued: {}, logger: self.logger)
        context.freezeWatch = self.freezeWatch
        context.time.now = { [time] in time.now }
        context.time.uptime = { [time] in time.uptime }
        context.time.sleep = { [time] in try await time.wait($0) }
        return context
    }

    func reconciler(_ registry: BackendRegistry) -> Reconciler {
        Reconciler(
            drone: .make(), engine: self.engine, store: self.store, registry: registry, time: self.context.time, logger: AgentFixture.logger)
    }

    /// Enters the request in the table and returns what runs it, not yet running.
    func admit(_ request: SpawnRequest) async throws -> BackendSupervisor {
        let context = self.context
        let report = context.report(.loading, of: request.backendID, detail: nil)
        let lifetimeEnd = request.terms.lifetimeLimit.map { context.time.now().seconds + Int64($0.rawValue) }
        let admission = try await self.store.admit(
            request, acceptedAt: context.time.now().unixMicroseconds, lifetimeEnd: lifetimeEnd, report: report)
        guard admission == .admitted else { throw CocoaError(.fileWriteFileExists) }
        return BackendSupervisor(
            request, from: .admitted, acceptedAt: context.time.now().unixMicroseconds, lifetimeEnd: lifetimeEnd, in: context)
    }

    /// The states reported so far, in order, taken out of the outbox.
    func reports() async throws -> [UpdateBackendStateMessage] {
        var messages: [UpdateBackendStateMessage] = []
        while let report = try await self.store.oldestReports(limit: 1).first {
            messages.append(try WireCodec.decode(UpdateBackendStateMessage.self, from: report.payload))
            try await self.store.removeReport(report.id)
        }
        return messages
    }

    func state(of id: BackendID) async throws -> BackendState? { try await self.store.backend(id)?.state }

    /// Returns when the table has the backend in this state; looks again whenever the table has changed.
    func wait(for state: BackendState, of id: BackendID) async throws {
        try await eventually("\(id) is \(state)") { try await self.state(of: id) == state }
    }
}

extension ClusterName {
    static func make() -> ClusterName { ClusterName(rawValue: "plane.test")! }
}

extension DroneID {
    static func make(_ text: String = "drone-a") -> DroneID { DroneID(rawValue: text)! }
}

extension BackendID {
    static func make(_ text: String = "b-1") -> BackendID { BackendID(rawValue: text)! }

    static func random() -> BackendID {
        var generator = SystemRandomNumberGenerator()
        return .random(using: &generator)
    }
}

extension SpawnRequest {
    static func make(
        _ id: BackendID = .make(), image: String = "demo", idle: WireSeconds = 300, policy: PullPolicy = .ifNotPresent,
        drone: DroneID = .make()
    ) -> SpawnRequest {
        SpawnRequest(
            cluster: .make(), droneID: drone, maxIdle: idle, backendID: id,
            executable: DockerExecutableConfig(image: image, pullPolicy: policy))
    }
}
