import DockerEngine
import DroneCore
import DroneStore
import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Synchronization

/// A drone in a storm: backends come and go all the time, and its parts are killed under them.
///
/// A few backends are steady: they are ready before the storm, with a WebSocket open, and must neither end nor lose it, whatever
/// happens to anything but their container and the proxy it goes through.
final class DroneChaos: Sendable {
    struct Summary: CustomStringConvertible {
        var seed: UInt64
        var blows: [ChaosBlow: Int] = [:]
        var asked = 0
        var accepted = 0
        var ends: [BackendState: Int] = [:]
        var echoes = 0

        var description: String {
            let blows = self.blows.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
            let ends = self.ends.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
            return """
                chaos drone, seed \(self.seed): \(self.blows.values.reduce(0, +)) blows (\(blows.joined(separator: ", "))); \
                \(self.asked) backends asked for, \(self.accepted) scheduled; ended as \(ends.joined(separator: ", ")); \
                \(self.echoes) echoes on the steady WebSockets
                """
        }
    }

    private struct State {
        var dice: ChaosDice
        var summary: Summary
        /// Every id asked for, and whether the answer named it.
        var asked: [BackendID: Bool] = [:]
        var steady: [BackendID: WebSocketProbe] = [:]
    }

    private static let steadyCount = 3

    let cluster: LocalCluster
    let docker: PrivateDocker?
    let engine: DockerEngineAdapter
    let store: DroneStore
    private let state: Mutex<State>

    init(_ cluster: LocalCluster, docker: PrivateDocker?, seed: UInt64) throws {
        self.cluster = cluster
        self.docker = docker
        self.engine = DockerEngineAdapter(
            client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
        self.store = try DroneStore.openBlocking(path: cluster.tablePath)
        self.state = Mutex(State(dice: ChaosDice(seed: seed), summary: Summary(seed: seed)))
    }

    var summary: Summary { self.state.withLock { $0.summary } }
    var asked: [BackendID: Bool] { self.state.withLock { $0.asked } }
    var steady: Set<BackendID> { self.state.withLock { Set($0.steady.keys) } }

    func count(end: BackendState) { self.state.withLock { $0.summary.ends[end, default: 0] += 1 } }

    func roll<Result>(_ body: (inout ChaosDice) -> Result) -> Result {
        self.state.withLock { body(&$0.dice) }
    }

    // MARK: Backends

    /// Starts those that must live through everything.
    func startSteady() async throws {
        for _ in 0..<Self.steadyCount {
            let backend = try await self.cluster.schedule(image: DemoImage.name, maxIdle: 3600).backendID
            try await self.cluster.reached(.ready, by: backend)
            try await self.openSocket(to: backend)
        }
    }

    private func openSocket(to backend: BackendID) async throws {
        let socket = try await self.cluster.openWebSocket(to: backend)
        self.state.withLock { $0.steady[backend] = socket }
    }

    /// The proxy was killed, and every connection through it.
    func reopenSockets() async throws {
        for backend in self.steady { try await self.openSocket(to: backend) }
    }

    /// Every steady backend answers on the connection it had all the time, and on a new one.
    func checkSteady() async throws {
        for (backend, socket) in self.state.withLock({ $0.steady }) {
            let text = "echo \(self.summary.echoes)"
            let answer = try await socket.echo(text)
            guard answer == text else { throw UnexpectedReply(reply: "\(backend) echoed \(answer)") }
            self.state.withLock { $0.summary.echoes += 1 }
        }
        guard let one = self.steady.min(by: { $0.rawValue < $1.rawValue }) else { return }
        let status = try await self.cluster.get(of: one).status
        guard status == 200 else { throw UnexpectedReply(reply: "\(one) answered \(status) through the proxy") }
    }

    /// Asks for a backend; nobody answering is one of the things that may happen.
    func ask() async {
        let kind = self.roll { $0.pick(ChaosBackend.allCases) }
        var generator = SystemRandomNumberGenerator()
        let id = BackendID.random(using: &generator)
        self.state.withLock { state in
            state.asked[id] = false
            state.summary.asked += 1
        }
        let request = ScheduleRequest(
            cluster: self.cluster.cluster, backendID: id, maxIdle: kind == .swept ? 1 : 600,
            executable: DockerExecutableConfig(image: kind.image, env: kind.environment, pullPolicy: .never))
        guard let answer = try? await self.cluster.bus.request(WireCodec.encode(request), to: request.subject, timeout: .seconds(5)),
            case .scheduled(let backend)? = try? WireCodec.decodeReply(to: ScheduleRequest.self, from: answer.payload)
        else { return }
        self.state.withLock { state in
            state.asked[backend.backendID] = true
            state.summary.accepted += 1
        }
    }

    /// Ends one that was asked for, if the drone is there to hear it.
    func terminateOne() async {
        let candidates = self.asked.keys.sorted { $0.rawValue < $1.rawValue }
        guard !candidates.isEmpty else { return }
        let backend = self.roll { $0.pick(candidates) }
        let request = TerminationRequest(cluster: self.cluster.cluster, backendID: backend)
        _ = try? await self.cluster.bus.request(WireCodec.encode(request), to: request.subject, timeout: .seconds(2))
    }

    func count(blow: ChaosBlow) { self.state.withLock { $0.summary.blows[blow, default: 0] += 1 } }
}

extension ChaosBackend {
    var image: String {
        switch self {
        case .serves, .swept, .crashesOnBoot, .exits, .fails: TestImage.name
        case .cannotRun: TestImage.brokenName
        case .hasNoImage: "plane-test-no-such-image"
        }
    }

    var environment: [String: Secret] {
        switch self {
        case .crashesOnBoot: ["EXIT_AT_ONCE": "1"]
        case .exits: ["EXIT_AFTER_SECONDS": "1"]
        case .fails: ["EXIT_AFTER_SECONDS": "1", "EXIT_CODE": "3"]
        case .serves, .swept, .cannotRun, .hasNoImage: [:]
        }
    }
}
