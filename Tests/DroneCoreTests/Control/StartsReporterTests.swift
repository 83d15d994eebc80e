import DockerEngine
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct StartsReporterTests {
    /// An engine's images, which a test changes.
    private final class Images: Sendable {
        let state = Mutex<Result<[DroneStarts.Image], BackendEngineError>>(.success([]))
        let looks = Mutex(0)

        func set(_ names: String...) { self.state.withLock { $0 = .success(names.map { DroneStarts.Image(name: $0) }) } }

        func list() throws(BackendEngineError) -> [DroneStarts.Image] {
            self.looks.withLock { $0 += 1 }
            return try self.state.withLock { $0 }.get()
        }
    }

    private let images = Images()
    private let estimates = StartEstimates()
    private let time = ManualTime()

    private func with(_ body: (StartsReporter) async throws -> Void) async throws {
        var time = AgentTime()
        time.uptime = { [clock = self.time] in clock.uptime }
        time.sleep = { [clock = self.time] in try await clock.wait($0) }
        let reporter = StartsReporter(
            self.estimates, listsImages: { [images] () async throws(BackendEngineError) in try images.list() }, processors: 4, time: time,
            logger: AgentFixture.logger)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await reporter.run() }
            try await body(reporter)
            group.cancelAll()
        }
    }

    private func ready(_ image: String, _ milliseconds: Int64, pulled: Int64? = nil, by start: BackendStartKind = .cold) {
        let phases = SpawnPhases(pulled: pulled.map { $0 * 1000 }, ready: ((pulled ?? 0) + milliseconds) * 1000)
        self.estimates.note(phases, of: image, by: start)
    }

    @Test("nothing is said before the engine has said which images it has, and nothing twice before it is time")
    func repetition() async throws {
        self.images.state.withLock { $0 = .failure(BackendEngineError(.unavailable, "Docker is not there")) }
        try await self.with { reporter in
            try await eventually("it has asked") { self.images.looks.withLock { $0 } == 1 }
            #expect(reporter.news() == nil)
            self.images.set("demo:latest")
            reporter.imagesChanged()
            try await eventually("it says what there is") {
                reporter.news() == DroneStarts(images: [.init(name: "demo:latest")], processors: 4)
            }
            #expect(reporter.news() == nil)
            try await self.time.pass(60)
            #expect(reporter.news()?.images.count == 1)
            #expect(reporter.news() == nil)
            reporter.notSent()
            #expect(reporter.news() != nil, "nobody has heard it")
        }
    }

    @Test("it is said again when an image has come or gone, and after a start")
    func changes() async throws {
        self.images.set("one:latest")
        try await self.with { reporter in
            try await eventually("it says what there is") { reporter.news() != nil }
            self.images.set("one:latest", "two:latest")
            reporter.imagesChanged()
            try await eventually("there are two") { reporter.news()?.images.map(\.name) == ["one:latest", "two:latest"] }
            self.ready("two", 180, pulled: 9000)
            let news = try #require(reporter.news())
            #expect(news.images == [.init(name: "two:latest", readyMilliseconds: 180), .init(name: "one:latest")], "what was used last comes first")
            #expect(news.readyMilliseconds == 180 && news.pullMilliseconds == 9000)
            self.images.state.withLock { $0 = .failure(BackendEngineError(.unavailable, "Docker is not there")) }
            reporter.imagesChanged()
            try await eventually("it has asked") { self.images.looks.withLock { $0 } == 3 }
            #expect(reporter.news() == nil, "what was known stays")
        }
    }

    @Test("an image is known by whichever of its names requests use, and what is not there is not told")
    func names() async throws {
        self.images.state.withLock { $0 = .success([.init(name: "ghcr.io/acme/editor:4", digest: "sha256:0a"), .init(name: "redis:7")]) }
        self.ready("ghcr.io/acme/editor@sha256:0a", 500)
        self.ready("docker.io/library/redis:7", 60)
        self.ready("gone", 70)
        try await self.with { reporter in
            var news: DroneStarts?
            try await eventually("it says what there is") {
                news = reporter.news()
                return news != nil
            }
            #expect(
                news?.images == [
                    .init(name: "redis:7", readyMilliseconds: 60),
                    .init(name: "ghcr.io/acme/editor:4", digest: "sha256:0a", readyMilliseconds: 500),
                ])
        }
    }

    @Test("the estimate of a backend whose image is missing has the pull in it, once there was one")
    func estimate() async throws {
        self.images.set("here:latest")
        self.ready("here", 200)
        try await self.with { reporter in
            #expect(reporter.estimate(of: "missing", by: .cold) == nil)
            try await eventually("it says what there is") { reporter.news() != nil }
            #expect(reporter.estimate(of: "here", by: .cold) == .milliseconds(200))
            #expect(reporter.estimate(of: "missing", by: .cold) == nil, "nobody knows how long a pull takes")
            self.ready("missing", 300, pulled: 9000)
            #expect(reporter.estimate(of: "missing", by: .cold) == .milliseconds(9300))
            #expect(reporter.estimate(of: "other", by: .cold) == .milliseconds(9300))
            #expect(reporter.estimate(of: "docker.io/library/here:latest", by: .cold) == .milliseconds(200), "whatever it is called")
        }
    }

    @Test("Docker's names for one image are told apart: its tags, with their digests, and digests that have no tag")
    func namesOfOne() {
        let image = ImageSummary(
            tags: ["ghcr.io/acme/editor:4", "ghcr.io/acme/editor:latest", "editor:mine"],
            digests: ["ghcr.io/acme/editor@sha256:0a", "mirror:5000/editor@sha256:0a", "odd"])
        #expect(
            DockerEngineAdapter.names(of: image) == [
                .init(name: "ghcr.io/acme/editor:4", digest: "sha256:0a"), .init(name: "ghcr.io/acme/editor:latest", digest: "sha256:0a"),
                .init(name: "editor:mine"), .init(name: "mirror:5000/editor@sha256:0a"),
            ])
        #expect(DockerEngineAdapter.names(of: ImageSummary(tags: [], digests: [])).isEmpty)
    }
}
