import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// One implementation of the engine, as the contract suite sees it.
enum EngineUnderTest: CaseIterable, CustomTestStringConvertible {
    case fake, docker

    /// Those that can be had here.
    static var available: [EngineUnderTest] { TestImage.socket == nil ? [.fake] : [.fake, .docker] }

    var testDescription: String { "\(self)" }

    func make() async throws -> any Engine & EngineFeeds {
        switch self {
        case .fake: FakeEngine(images: ["serves": .serves, "broken": .broken, "exits": .exits(3)])
        case .docker: try await DockerEngineAdapter.forTests()
        }
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
