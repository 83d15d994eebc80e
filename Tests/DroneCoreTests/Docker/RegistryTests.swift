import DockerEngine
import DroneStore
import Foundation
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Images from a registry that asks who comes, on a real Docker.
@Suite(
    .needsDocker, .serialized,
    .enabled(if: TestRegistry.isInstalled, "Debian's package docker-registry is not installed; scripts/test installs it"))
struct RegistryTests {
    private static let password = DockerCredentials.usernamePassword(
        username: TestRegistry.user, password: Secret(TestRegistry.password))

    /// An agent, and a registry with the test image as `team/app:1`, which this Docker does not have.
    private struct Place {
        let fixture: AgentFixture
        let registry: TestRegistry
        let drone = DroneID.random()
        private let socket: String

        init() async throws {
            let engine = try await DockerEngineAdapter.forTests()
            self.socket = try #require(TestImage.socket)
            self.fixture = try await AgentFixture(engine: engine)
            self.registry = try await TestRegistry()
            try await self.registry.push(TestImage.name, to: "team/app:1", from: self.socket)
        }

        func request(
            _ id: BackendID, image: String? = nil, policy: PullPolicy = .ifNotPresent, credentials: DockerCredentials? = password
        ) -> SpawnRequest {
            var request = SpawnRequest.onDocker(id, drone: self.drone, image: image ?? self.registry.image("team/app:1"))
            request.executable.pullPolicy = policy
            request.executable.credentials = credentials
            return request
        }

        /// Spawns all of them at once; returns what became of each when it is `Ready` or ended, and takes everything away again.
        func run(_ requests: [SpawnRequest], _ then: () async throws -> Void = {}) async throws -> [BackendID: UpdateBackendStateMessage] {
            var results: [BackendID: UpdateBackendStateMessage] = [:]
            try await self.fixture.withScheduler {
                try await self.fixture.withAgent(self.drone) {
                    for request in requests { #expect(try await self.fixture.spawn(request)) }
                    for request in requests {
                        try await eventually("\(request.backendID) is ready or has ended", within: .seconds(60)) {
                            results[request.backendID] = self.fixture.reports.all.first {
                                $0.backend == request.backendID && ($0.state == .ready || $0.state.isTerminal)
                            }
                            return results[request.backendID] != nil
                        }
                    }
                    try await then()
                    for request in requests where results[request.backendID]?.state == .ready {
                        _ = try await self.fixture.bus.request(TerminationRequest(cluster: .make(), backendID: request.backendID), timeout: .seconds(20))
                    }
                    for request in requests {
                        try await eventually("no container is left", within: .seconds(60)) {
                            try await self.fixture.engine.inspect(ContainerHandle(of: request.backendID)) == .absent
                        }
                    }
                }
            }
            return results
        }

        /// Takes the image from the Docker, so that it has to be pulled.
        func forget(_ image: String) async throws {
            let process = try TestProcess("/usr/bin/env", ["docker", "-H", "unix://\(self.socket)", "rmi", "-f", image])
            await process.ended()
        }
    }

    @Test("IfNotPresent pulls once, Always every time, Never not at all; progress is in the log")
    func policies() async throws {
        let place = try await Place()
        let image = place.registry.image("team/app:1")
        let never = BackendID.random()
        let missing = try await place.run([place.request(never, policy: .never)])[never]
        #expect(missing?.state == .errorLoading)
        #expect(missing?.detail?.cause == .imageMissing)
        #expect(place.registry.manifestRequests("team/app", tag: "1") == 0)

        let first = BackendID.random()
        #expect(try await place.run([place.request(first)])[first]?.state == .ready)
        let once = place.registry.manifestRequests("team/app", tag: "1")
        #expect(once > 0)
        let notes = place.fixture.logs.all.filter { $0.backendID == first && $0.kind == .meta }.map(\.text)
        #expect(notes.first == "Pulling \(image): asking the registry")
        #expect(notes.last == "Pulling \(image): done")

        let second = BackendID.random()
        #expect(try await place.run([place.request(second, credentials: nil)])[second]?.state == .ready)
        #expect(place.registry.manifestRequests("team/app", tag: "1") == once)

        let third = BackendID.random()
        let always = try await place.run([place.request(third, policy: .always)])[third]
        #expect(always?.state == .ready)
        #expect(always?.detail?.phases?.pulled != nil)
        #expect(place.registry.manifestRequests("team/app", tag: "1") > once)
        try await place.forget(image)
    }

    @Test("ten backends of one image: it is fetched once, and everybody is told")
    func tenAtOnce() async throws {
        let place = try await Place()
        let single = BackendID.random()
        _ = try await place.run([place.request(single)])
        let image = place.registry.image("team/app:1")
        let (manifests, blobs) = (place.registry.manifestRequests("team/app", tag: "1"), place.registry.blobRequests("team/app"))
        try await place.forget(image)
        let requests = (0..<10).map { _ in place.request(.random()) }
        let results = try await place.run(requests)
        #expect(results.values.allSatisfy { $0.state == .ready })
        #expect(place.registry.manifestRequests("team/app", tag: "1") == 2 * manifests)
        // A layer that another image has brought meanwhile is not fetched at all.
        #expect(place.registry.blobRequests("team/app") <= 2 * blobs)
        for request in requests {
            #expect(place.fixture.logs.all.contains { $0.backendID == request.backendID && $0.text == "Pulling \(image): done" })
        }
        try await place.forget(image)
    }

    @Test("a refused login and a missing image each end in their own cause, and no secret is told")
    func refusals() async throws {
        let place = try await Place()
        let (wrong, anonymous, tag, repository) = (BackendID.random(), BackendID.random(), BackendID.random(), BackendID.random())
        let badPassword = DockerCredentials.usernamePassword(username: TestRegistry.user, password: Secret("not-the-pa55word"))
        let results = try await place.run([
            place.request(wrong, credentials: badPassword),
            place.request(anonymous, credentials: nil),
            place.request(tag, image: place.registry.image("team/app:none")),
            place.request(repository, image: place.registry.image("team/none:1")),
        ])
        #expect(results.values.allSatisfy { $0.state == .errorLoading })
        #expect(results[wrong]?.detail?.cause == .pullDenied, "\(String(describing: results[wrong]))")
        #expect(results[anonymous]?.detail?.cause == .pullDenied, "\(String(describing: results[anonymous]))")
        #expect(results[tag]?.detail?.cause == .imageNotFound, "\(String(describing: results[tag]))")
        #expect(results[repository]?.detail?.cause == .imageNotFound, "\(String(describing: results[repository]))")
        #expect(results[tag]?.detail?.message?.contains("team/app:none") == true)
        #expect(!"\(results)".contains("not-the-pa55word"))
    }

    @Test("an identity token is exchanged for one that the registry takes")
    func identityToken() async throws {
        let place = try await Place()
        let port = try freeLoopbackPort()
        let authority = try TokenAuthority(url: "http://127.0.0.1:\(port)/token")
        let answer = #"{"access_token":"\#(try authority.token(pulling: "team/app"))","expires_in":600}"#
        let server = try await AnsweringServer.start(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(answer.utf8.count)\r\n\r\n\(answer)", port: Int(port))
        let registry = try await TestRegistry(.tokens(authority), imagesOf: place.registry)
        let image = registry.image("team/app:1")
        let (anonymous, known) = (BackendID.random(), BackendID.random())
        let results = try await place.run([
            place.request(known, image: image, credentials: .identityToken(Secret("refresh-me")))
        ])
        #expect(results[known]?.state == .ready, "\(String(describing: results[known]))")
        #expect(server.requests.all.contains { $0.contains("refresh_token=refresh-me") && $0.contains("grant_type=refresh_token") })
        try await place.forget(image)
        try await server.stop()
        // The authority is gone: nobody says who may come in.
        let refused = try await place.run([place.request(anonymous, image: image, credentials: nil)])[anonymous]
        #expect(refused?.state == .errorLoading)
    }

    @Test(
        "a disk that is full ends in a cause of its own",
        .enabled(if: PrivateDocker.isPossible, "only root may start a Docker with a small disk"))
    func diskFull() async throws {
        let place = try await Place()
        let socket = try #require(TestImage.socket)
        let script = """
            set -e
            head -c 40000000 /dev/urandom >"$1/noise"
            tar -C "$1" -c noise | docker -H "unix://$2" import - plane-test-large
            echo imported
            """
        let folder = try TemporaryDirectory()
        try await TestProcess("/bin/sh", ["-c", script, "sh", folder.path, socket]).line(containing: "imported")
        try await place.registry.push("plane-test-large", to: "team/large:1", from: socket)
        try await place.forget("plane-test-large")

        let docker = try await PrivateDocker(.small(diskMegabytes: 30))
        let engine = DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: docker.socket)), template: ContainerTemplate())
        let image = place.registry.image("team/large:1")
        let failure = await #expect(throws: BackendEngineError.self) {
            try await engine.pull(image, credentials: Self.password) { _ in }
        }
        #expect(failure?.code == .diskFull, "\(String(describing: failure))")
        try await docker.stop()
    }
}
