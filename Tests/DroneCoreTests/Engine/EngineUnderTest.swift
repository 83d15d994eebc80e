import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// One implementation of the engine, as the contract suite sees it.
enum EngineUnderTest: CaseIterable, CustomTestStringConvertible {
    case fake, docker

    /// Those that can be had here.
    static var available: [EngineUnderTest] { TestImage.socket == nil ? [.fake] : [.fake, .docker] }

    var testDescription: String { "\(self)" }

    func make() async throws -> any Engine & EngineFeeds & EngineAccess {
        switch self {
        case .fake: FakeEngine(images: ["serves": .serves, "broken": .broken, "exits": .exits(3)])
        case .docker: try await DockerEngineAdapter.forTests()
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
        case .docker:
            let socket = try #require(TestImage.socket)
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
        case .docker: .onDocker(id, drone: drone, ["SAY": "one two"])
        }
    }

    func exiting(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "exits")
        case .docker: .onDocker(id, drone: .random(), ["EXIT_AT_ONCE": "3"])
        }
    }

    /// Prints a last line without a line feed a second after it was started, and ends.
    func endingUnfinished(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "serves")
        case .docker: .onDocker(id, drone: .random(), ["SAY": "first", "EXIT_AFTER_SECONDS": "1", "SAY_LAST": "unfinished"])
        }
    }

    func broken(_ id: BackendID) -> SpawnRequest {
        switch self {
        case .fake: .make(id, image: "broken")
        case .docker: .onDocker(id, drone: .random(), image: TestImage.brokenName)
        }
    }

    func missing(_ id: BackendID) -> SpawnRequest { .make(id, image: "no-such-image") }
}
