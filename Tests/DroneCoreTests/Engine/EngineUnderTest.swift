import DockerEngine
import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// One implementation of the engine, as the contract suite sees it.
enum EngineUnderTest: CaseIterable, CustomTestStringConvertible {
    case fake, docker, podman

    /// Those that can be had here.
    static var available: [EngineUnderTest] { [.fake] + self.real }
    /// The programs among them.
    static var real: [EngineUnderTest] { TestImage.socket == nil ? [] : PrivatePodman.isPossible ? [.docker, .podman] : [.docker] }

    /// Podman's socket, within a suite that has the trait `.withPodman`.
    @TaskLocal static var podmanSocket: String?

    /// Where the engine listens.
    var socket: String {
        get throws { try #require(self == .podman ? Self.podmanSocket : TestImage.socket) }
    }

    var testDescription: String { "\(self)" }

    func make() async throws -> any Engine & EngineFeeds & EngineAccess {
        switch self {
        case .fake: FakeEngine(images: ["serves": .serves, "broken": .broken, "exits": .exits(3)])
        case .docker: try await DockerEngineAdapter.forTests()
        case .podman: DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: try self.socket)), template: ContainerTemplate())
        }
    }

    /// Makes a container with these labels past the engine's verbs, as other parts of an agent do.
    ///
    /// - Returns: The handle with its id.
    func add(_ container: ContainerHandle, to engine: any Engine) async throws -> ContainerHandle {
        var container = container
        switch self {
        case .fake:
            container.id = "added-\(container.name)"
            (engine as? FakeEngine)?.state.withLock { $0.others.append(ContainerListing(container, isRunning: false)) }
        case .docker, .podman:
            let socket = try self.socket
            let labels = container.labels.flatMap { ["--label", "\($0.key)=\($0.value)"] }
            let lines = try await TestProcess.run(
                "/usr/bin/env", ["docker", "-H", "unix://\(socket)", "create", "--name", container.name] + labels + [TestImage.name])
            container.id = lines.last
        }
        return container
    }

    func serving(_ id: BackendID, drone: DroneID = .random()) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "serves", drone: drone)
        case .docker, .podman: .onDocker(id, drone: drone, ["SAY": "one two"])
        }
    }

    func exiting(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "exits")
        case .docker, .podman: .onDocker(id, drone: .random(), ["EXIT_AT_ONCE": "3"])
        }
    }

    /// Prints a last line without a line feed a second after it was started, and ends.
    func endingUnfinished(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "serves")
        case .docker, .podman: .onDocker(id, drone: .random(), ["SAY": "first", "EXIT_AFTER_SECONDS": "1", "SAY_LAST": "unfinished"])
        }
    }

    func broken(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "broken")
        case .docker, .podman: .onDocker(id, drone: .random(), image: TestImage.brokenName)
        }
    }

    func missing(_ id: BackendID) -> SpawnRequest { .make(id, image: "no-such-image") }
}

/// Podman while suites run that need it, one for all of them: it takes a second to start and to be given the images.
private actor SharedPodman {
    static let shared = SharedPodman()
    private var users = 0
    private var running: Task<PrivatePodman, any Error>?

    func enter() async throws -> PrivatePodman {
        self.users += 1
        let starting = self.running ?? Task { try await PrivatePodman() }
        self.running = starting
        return try await starting.value
    }

    func leave() async throws {
        self.users -= 1
        guard self.users == 0, let last = self.running else { return }
        self.running = nil
        try await last.value.stop()
    }
}

/// A suite that is run on Podman too, where that can be had.
struct PodmanTrait: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        guard EngineUnderTest.real.contains(.podman) else { return try await function() }
        let outcome: Result<Void, any Error>
        do {
            let podman = try await SharedPodman.shared.enter()
            outcome = .success(try await EngineUnderTest.$podmanSocket.withValue(podman.socket) { try await function() })
        } catch {
            outcome = .failure(error)
        }
        try await SharedPodman.shared.leave()
        try outcome.get()
    }
}

extension Trait where Self == PodmanTrait {
    static var withPodman: Self { PodmanTrait() }
}
