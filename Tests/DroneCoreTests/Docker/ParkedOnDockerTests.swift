import AsyncHTTPClient
import DockerEngine
import DroneStore
import Foundation
import NATS
import NIOCore
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Backends in containers that ran before they were asked for, on a real Docker.
@Suite(.needsDocker, .serialized, .timeLimit(.minutes(10))) struct ParkedOnDockerTests {
    /// Runs an agent with a pool, and leaves nothing of it.
    private struct Drone {
        let docker: DockerWithParked
        let fixture: AgentFixture

        init(_ image: String = TestImage.name, count: Int = 1) async throws {
            self.docker = try await DockerWithParked(image, count: count)
            self.fixture = try await AgentFixture(engine: self.docker.engine)
        }

        init(_ docker: DockerWithParked, _ fixture: AgentFixture) {
            self.docker = docker
            self.fixture = fixture
        }

        func withAgent(_ pool: ParkedPool? = nil, maxBackends: UInt32? = nil, _ body: () async throws -> Void) async throws {
            let engine = self.docker.engine
            try await self.fixture.withScheduler {
                try await self.fixture.withAgent(
                    self.docker.drone,
                    change: {
                        $0.parked = pool ?? self.docker.pool
                        $0.hasParked = { engine.hasParked(for: $0) }
                        $0.listsImages = { () async throws(BackendEngineError) in try await engine.images() }
                        $0.maxBackends = maxBackends
                    }, body)
            }
        }

        /// A backend that is ready.
        func spawn(_ environment: [String: Secret] = [:], _ change: (inout SpawnRequest) -> Void = { _ in }) async throws -> BackendID {
            let id = BackendID.random()
            var request = SpawnRequest.onDocker(id, drone: self.docker.drone, environment)
            change(&request)
            #expect(try await self.fixture.spawn(request))
            try await self.fixture.wait(for: .ready, of: id, within: .seconds(60))
            return id
        }

        func page(of id: BackendID) async throws -> String {
            let address = try #require(try self.fixture.store.route(id.rawValue)?.address)
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://\(address)/"), timeout: .seconds(10))
            return String(buffer: try await response.body.collect(upTo: 1 << 20))
        }

        func start(of id: BackendID) -> BackendStartKind? {
            self.fixture.reports.all.last { $0.backend == id && $0.state == .ready && $0.detail?.ending == nil }?.detail?.start
        }

        func container(of id: BackendID) async throws -> ContainerHandle {
            try #require(try await self.fixture.store.backend(id)).container
        }

        func end(_ id: BackendID) async throws {
            _ = try await self.fixture.bus.request(TerminationRequest(cluster: .make(), backendID: id), timeout: .seconds(20))
            try await self.fixture.wait(for: .terminated, of: id, within: .seconds(30))
        }
    }

    // MARK: - The same environment

    /// What a program can see of how it was started, as it sees itself from inside; what is of the container's own is left out.
    private static let look = #"""
        b=/bin/busybox
        for file in environ cmdline; do echo "== $file"; $b tr '\0' '\n' </proc/1/$file; done
        for file in cgroup limits oom_score_adj coredump_filter personality timerslack_ns; do echo "== $file"; $b cat /proc/1/$file 2>/dev/null; done
        for link in cwd exe root ns/user ns/pid; do echo "== $link $($b readlink /proc/1/$link | $b sed 's/:\[.*//')"; done
        echo "== status"
        $b grep -E '^(Name|Umask|Uid|Gid|Groups|NSpid|Sig[BIC]|Shd|Cap|NoNewPrivs|Seccomp|Cpus_allowed|TracerPid|FDSize)' /proc/1/status
        echo "== files"
        for file in /proc/1/fd/*; do echo "$file $($b readlink $file | $b sed 's/:\[.*//') $($b grep flags /proc/1/fdinfo/$($b basename $file))"; done
        echo "== mounts"
        $b sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(lowerdir|upperdir|workdir)=[^, ]+/\1/g; s/(master|shared):[0-9]+ //g' /proc/1/mountinfo
        echo "== root"
        $b ls -lAn / | $b grep -vE '^total| (www|proc|sys)$' | $b awk '{ print $1, $3, $4, $9 }'
        """#

    private func view(of container: ContainerHandle, _ docker: DockerWithParked) async throws -> [String] {
        let id = try #require(container.id)
        return try await docker.output(["/bin/busybox", "sh", "-c", Self.look], in: container)
            .replacing(id, with: "ID").replacing(id.prefix(12), with: "ID")
            .split(separator: "\n").map(String.init)
    }

    @Test(
        "the program of a parked container sees what it would see in one made at once: variables, arguments, directory, users, rights, signals, files, limits, groups, mounts",
        arguments: [(TestImage.name, nil, []), (TestImage.userName, nil, [".plane-entry"]), (TestImage.userName, ["other", "a  b", ""], [".plane-entry"])]
            as [(String, [String]?, [String])])
    func sameEnvironment(image: String, arguments: [String]?, left: [String]) async throws {
        let docker = try await DockerWithParked(image)
        try await docker.withPool {
            try await docker.waitUntilFull()
            func request(_ id: BackendID) -> SpawnRequest {
                var request = SpawnRequest.onDocker(id, drone: docker.drone, image: image, ["GREETING": "some words", "LEVEL": "mine", "EMPTY": ""])
                request.executable.process.args = arguments
                request.fencingToken = 7
                return request
            }
            let cold = try await docker.engine.create(request(.random()), plainly: true)
            let parked = try await docker.engine.create(request(.random()))
            #expect(parked.isParked && !cold.isParked)
            var views: [[String]] = []
            for container in [cold, parked] {
                try await docker.engine.start(container)
                try await eventually("it serves", within: .seconds(20)) {
                    try await docker.output(["/bin/busybox", "wget", "-qO-", "http://127.0.0.1:8080/"], in: container).contains("some words")
                }
                views.append(try await self.view(of: container, docker))
            }
            #expect(views[0].contains("LEVEL=mine") && views[0].count > 60, "\(views[0])")
            // Only root may take the program's file away.
            #expect(views[0] == views[1].filter { line in !left.contains { line.hasSuffix(" \($0)") } })
            #expect(views[1].count - views[0].count == left.count)
        }
    }

    // MARK: - An agent's

    @Test("a backend gets a container that ran, says so, and has its name, log and statistics; another is parked; its end takes it away")
    func life() async throws {
        let drone = try await Drone()
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.docker.waitUntilFull()
                let free = drone.docker.pool.free
                let id = try await drone.spawn(["GREETING": "a-parked-one", "SAY": "one two"])
                #expect(try await drone.page(of: id).contains("a-parked-one"))
                #expect(drone.start(of: id) == .parked)
                let container = try await drone.container(of: id)
                #expect(container.id.map { free.contains($0) } == true)
                try await eventually("its log came") { drone.fixture.logs.all.contains { $0.backendID == id && $0.text.contains("two") } }
                try await eventually("statistics came", within: .seconds(30)) { drone.fixture.stats.all.contains { $0.backendID == id } }
                try await eventually("it has its name", within: .seconds(20)) {
                    try await drone.docker.engine.list().contains { $0.container.id == container.id && $0.container.name == id.resourceName }
                }
                try await drone.docker.waitUntilFull()
                try await drone.end(id)
                try await eventually("it is gone", within: .seconds(30)) {
                    try await drone.docker.parked().map(\.container.id) == Array(drone.docker.pool.free)
                }
            }
        }
    }

    @Test("more backends than wait, and such as want what cannot be had late, start in the usual way")
    func others() async throws {
        let drone = try await Drone()
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.docker.waitUntilFull()
                let limited = try await drone.spawn { $0.executable.resourceLimits.memoryLimitBytes = 1 << 27 }
                let labelled = try await drone.spawn { $0.executable.process.labels = ["com.example.team": "a"] }
                #expect(drone.start(of: limited) == .cold && drone.start(of: labelled) == .cold)
                // One that comes late may find another that waits.
                let ids = (0..<4).map { _ in BackendID.random() }
                for id in ids { #expect(try await drone.fixture.spawn(.onDocker(id, drone: drone.docker.drone))) }
                for id in ids { try await drone.fixture.wait(for: .ready, of: id, within: .seconds(60)) }
                #expect(Set(ids.map { drone.start(of: $0)?.rawValue }) == ["parked", "cold"])
            }
        }
    }

    @Test("when one has become ready, the answer to the next request says how long it will take")
    func estimate() async throws {
        let drone = try await Drone()
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.docker.waitUntilFull()
                _ = try await drone.spawn()
                try await drone.docker.waitUntilFull()
                let answers = Recorder<UInt32?>()
                drone.fixture.bus.request(SpawnRequest.onDocker(.random(), drone: drone.docker.drone), timeout: .seconds(10)) { result in
                    answers.record((try? result.get())?.headers[SpawnRequest.readyInHeader].flatMap { UInt32($0) })
                }
                try await eventually("it is answered") { !answers.all.isEmpty }
                let promise = try #require(answers.all.first.flatMap { $0 })
                #expect(promise > 0 && promise < 10_000)
            }
        }
    }

    @Test("an image that gets another meaning is never run as it was before, and the pool follows")
    func imageUpdate() async throws {
        let name = "plane-test-moving"
        let docker = try await DockerWithParked(TestImage.name)
        let socket = try #require(TestImage.socket)
        func tag(_ image: String) async throws {
            try await TestProcess.run("/usr/bin/env", ["docker", "-H", "unix://\(socket)", "tag", image, name])
        }
        try await tag(TestImage.name)
        let pool = try DockerWithParked.pool(name, count: 1, docker.engine, drone: docker.drone)
        var engine = docker.engine
        engine.parked = pool
        try await docker.cleanedUp {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await pool.run(room: { nil }) { [] } }
                try await eventually("one waits", within: .seconds(60)) { pool.free.count == 1 }
                let old = pool.free
                try await tag(TestImage.userName)
                let container = try await engine.create(.onDocker(.random(), drone: docker.drone, image: name))
                #expect(!container.isParked)
                try await eventually("one of the new image waits", within: .seconds(60)) { pool.free.count == 1 && pool.free.isDisjoint(with: old) }
                #expect(try await engine.create(.onDocker(.random(), drone: docker.drone, image: name)).isParked)
                group.cancelAll()
            }
        }
    }

    @Test("one that is killed while it waits is replaced")
    func killed() async throws {
        let drone = try await Drone()
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.docker.waitUntilFull()
                let free = try #require(drone.docker.pool.free.first.flatMap { ContainerID(rawValue: $0) })
                try await drone.docker.engine.client.kill(free)
                try await eventually("another waits", within: .seconds(60)) {
                    drone.docker.pool.free.count == 1 && !drone.docker.pool.free.contains(free.rawValue)
                }
                try await eventually("nothing else is left", within: .seconds(60)) { try await drone.docker.parked().count == 1 }
            }
        }
    }

    @Test("one that has ended before it could be told is not used: the backend is started in the usual way")
    func endedBeforeClaim() async throws {
        let docker = try await DockerWithParked()
        try await docker.withPool {
            try await docker.waitUntilFull()
            let container = try await docker.engine.create(.onDocker(.random(), drone: docker.drone))
            let id = try #require(container.id.flatMap { ContainerID(rawValue: $0) })
            try await docker.engine.client.kill(id)
            _ = try await docker.engine.client.wait(id)
            let failure = await #expect(throws: BackendEngineError.self) { try await docker.engine.start(container) }
            #expect(failure?.code == .shortcutFailed)
        }
    }

    @Test("the next agent takes over what waits, goes on with backends in theirs, and starts anew what it cannot know")
    func agentRestart() async throws {
        let drone = try await Drone(count: 2)
        let engine = drone.docker.engine
        try await drone.docker.cleanedUp {
            var (id, left): (BackendID?, Set<String>) = (nil, [])
            try await drone.withAgent {
                try await drone.docker.waitUntilFull(2)
                id = try await drone.spawn(["GREETING": "it-goes-on"])
                try await drone.docker.waitUntilFull(2)
                left = drone.docker.pool.free
            }
            let backend = try #require(id)
            // As an agent leaves it that was killed when it had claimed a container, and before anybody knew whether that had been told.
            let lost = BackendID.random()
            let request = SpawnRequest.onDocker(lost, drone: drone.docker.drone, ["GREETING": "anew"])
            let stolen = try #require(left.sorted().first)
            _ = try await drone.fixture.store.admit(request, acceptedAt: 1_700_000_000_000_000, report: [])
            let handle = try #require(try await drone.docker.parked().first { $0.container.id == stolen }?.container)
            try await drone.fixture.store.setContainer(handle, of: lost)
            let pool = try DockerWithParked.pool(TestImage.name, count: 2, engine, drone: drone.docker.drone)
            try await drone.withAgent(pool) {
                try await drone.fixture.wait(for: .ready, of: lost, within: .seconds(60))
                #expect(drone.start(of: lost) == .cold)
                #expect(try await drone.page(of: lost).contains("anew"))
                #expect(try await drone.page(of: backend).contains("it-goes-on"))
                try await eventually("what waited still does, and one more", within: .seconds(60)) {
                    pool.free.count == 2 && pool.free.isSuperset(of: left.subtracting([stolen]))
                }
                try await eventually("the one that nobody knew of is gone", within: .seconds(30)) {
                    try await !drone.docker.parked().contains { $0.container.id == stolen }
                }
                // The end of a program is heard of as ever.
                let container = try await drone.container(of: backend)
                try await engine.client.kill(try #require(container.id.flatMap { ContainerID(rawValue: $0) }))
                try await drone.fixture.wait(for: .failed, of: backend, within: .seconds(20))
            }
        }
    }

    @Test("an agent that starts anew parks what the one before was asked for, though nothing is configured")
    func learned() async throws {
        let (directory, id) = (try TemporaryDirectory(), DroneID.random())
        let store = try await DroneStore.open(path: directory.file("drone.sqlite3"))
        func next() async throws -> Drone {
            let docker = try await DockerWithParked(learningFrom: store, drone: id)
            return Drone(docker, try await AgentFixture(engine: docker.engine, directory: directory))
        }
        let first = try await next()
        try await first.docker.cleanedUp {
            try await first.withAgent {
                for _ in 0..<2 {
                    let backend = try await first.spawn()
                    #expect(first.start(of: backend) == .cold)
                    try await first.end(backend)
                }
            }
            let second = try await next()
            try await second.withAgent { try await second.docker.waitUntilFull() }
            let third = try await next()
            try await third.withAgent {
                try await eventually("it is taken over", within: .seconds(60)) { third.docker.pool.free == second.docker.pool.free }
                let backend = try await third.spawn()
                #expect(third.start(of: backend) == .parked)
                try await third.end(backend)
            }
        }
    }

    @Test("the drone's status says that the image is there, that a container of it waits, and how long a start takes")
    func status() async throws {
        let drone = try await Drone()
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.docker.waitUntilFull()
                func said() -> DroneStarts.Image? {
                    let key = ImageKey(TestImage.name)
                    return drone.fixture.statuses.all.compactMap(\.starts).last?.images.first { ImageKey($0.name) == key }
                }
                try await eventually("one waits, by the drone's own word", within: .seconds(30)) { said()?.parked == 1 }
                #expect(said()?.readyMilliseconds == nil)
                let id = try await drone.spawn()
                try await eventually("and how long it took", within: .seconds(30)) { said()?.readyMilliseconds != nil }
                try await drone.end(id)
            }
        }
    }

    @Test("an image whose program does not exist tells so, and an image with a health check is not parked, with the reason")
    func badImages() async throws {
        let docker = try await DockerWithParked(TestImage.brokenName)
        let socket = try #require(TestImage.socket)
        try await docker.withPool {
            try await docker.waitUntilFull()
            let container = try await docker.engine.create(.onDocker(.random(), drone: docker.drone, image: TestImage.brokenName))
            #expect(container.isParked)
            try await docker.engine.start(container)
            try await eventually("it has ended", within: .seconds(20)) {
                try await docker.engine.inspect(container) == .exited(code: 127, outOfMemory: false)
            }
            #expect(try await docker.engine.lastLines(of: container, count: 1).first?.contains("/bin/no-such-program") == true)
        }
        let script =
            "docker -H 'unix://\(socket)' create --name plane-test-health-source \(TestImage.name) >/dev/null && "
            + "docker -H 'unix://\(socket)' commit --change 'HEALTHCHECK CMD true' plane-test-health-source plane-test-health >/dev/null; "
            + "docker -H 'unix://\(socket)' rm plane-test-health-source >/dev/null"
        try await TestProcess.run("/bin/sh", ["-c", script])
        let spec = try #require(docker.engine.template.specification(of: "plane-test-health", limits: ResourceLimits(), drone: docker.drone))
        let maker = DockerParkedMaker(docker.engine, drone: docker.drone)
        let failure = await #expect(throws: BackendEngineError.self) {
            try await maker.inspectImage(of: ParkedKind(image: "plane-test-health", specification: spec, count: 1))
        }
        #expect(failure?.code == .refused && failure?.message.contains("health check") == true)
    }

    @Test("a drone that is nearly full keeps no more than it has room for")
    func room() async throws {
        let drone = try await Drone(count: 2)
        try await drone.docker.cleanedUp {
            try await drone.withAgent(maxBackends: 2) {
                try await drone.docker.waitUntilFull(2)
                _ = try await drone.spawn()
                try await eventually("one waits, for one more may come", within: .seconds(40)) { drone.docker.pool.free.count == 1 }
                try await eventually("and no other is there", within: .seconds(40)) { try await drone.docker.parked().count == 2 }
            }
        }
    }
}
