import ArgumentParser
import Foundation
import NATS
import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

@testable import plane

@Suite("The commands that go into containers, over a real NATS", .timeLimit(.minutes(10)))
struct ExecCommandTests {
    @Test("exec brings standard input, prints what the program writes, and ends with its exit code")
    func exec() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.serveExec(exitCode: 7)
            let result = try await runPlane(["exec", "b1", "--", "cat"], server: server, input: ["hello ", "you"])
            #expect(result.status == 7)
            #expect(result.recorder.out == "hello you")
        }
    }

    @Test("shell runs the shell that it is told, as the user that it is told, and ends with its status")
    func shell() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let asked = Mutex<[ExecProgram]>([])
            try await scheduler.serveExec(exitCode: 3) { request in
                guard case .run(var program) = request.work else { return }
                // Whoever runs the tests may have a terminal.
                program.terminal = nil
                asked.withLock { [program] in $0.append(program) }
            }
            for arguments in [[], ["--shell", "/bin/bash", "--user", "1000"]] {
                let result = try await runPlane(["shell", "b1"] + arguments, server: server, input: ["exit 3\n"])
                #expect(result.status == 3 && result.recorder.out == "exit 3\n", "\(result.recorder.error)")
            }
            #expect(asked.withLock { $0 } == [ExecProgram(command: ["/bin/sh"]), ExecProgram(command: ["/bin/bash"], user: "1000")])
        }
    }

    @Test("without an answer of an agent, exec says whose is missing; without a program, what is")
    func nobody() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let result = try await runPlane(["exec", "b1", "--", "cat"], server: server)
            #expect(result.status == CommandStatus.unavailable.rawValue)
            #expect(result.recorder.error.contains("drone-a"))
        }
        #expect(throws: (any Error).self) { try ExecCommand.parse(["b1"]) }
    }

    @Test("cp packs what it copies into a tar archive")
    func copy() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.serveExec(exitCode: 0)
            let directory = try TemporaryDirectory()
            try "what it says".write(toFile: directory.file("note"), atomically: true, encoding: .utf8)
            let result = try await runPlane(["cp", directory.file("note"), "b1:/tmp"], server: server)
            #expect(result.status == 0)
        }
    }

    @Test("a place in a container is a backend and an absolute path; everything else is here")
    func places() throws {
        let reference = try #require(BackendReference("b1"))
        #expect(CopyCommand.Place("b1:/tmp/x") == .container(reference, "/tmp/x"))
        #expect(CopyCommand.Place("b1:/a:/b") == .container(reference, "/a:/b"))
        for text in ["/tmp/x", "x", "./b1:x", "b1:x", "/tmp/b1:/x"] { #expect(CopyCommand.Place(text) == .here(text)) }
        let url = try #require(BackendReference("http://b1.plane.test:8080"))
        #expect(CopyCommand.Place("http://b1.plane.test:8080:/tmp") == .container(url, "/tmp"))
        #expect(throws: (any Error).self) { try CopyCommand.parse(["a", "b"]) }
        #expect(throws: (any Error).self) { try CopyCommand.parse(["b1:/a", "b2:/b"]) }
    }

    /// A backend with a lock and a token, on a drone of the pool `big` that describes it like this.
    private func restart(
        _ arguments: [String], lock name: String = "doc-42", input: [String] = [], before: @escaping @Sendable (FakeScheduler) async throws -> Void = { _ in },
        answer: ScheduleReply? = nil, describing change: @escaping @Sendable (inout ScheduleRequest) -> Void = { _ in }
    ) async throws -> (status: Int32, recorder: ConsoleRecorder, ended: Int, asked: [ScheduleRequest]) {
        let done = Mutex<(status: Int32, recorder: ConsoleRecorder, ended: Int, asked: [ScheduleRequest])?>(nil)
        try await withFakeScheduler { scheduler, server in
            let (cluster, drone) = (try ClusterName.make("plane.test"), try DroneID.make("drone-a"))
            let lock = try #require(LockName(rawValue: name))
            try await scheduler.write(drone: "drone-a", backends: [:])
            let abilities = DroneAbilities(pool: PoolName(rawValue: "big"))
            let metadata = DroneMetadata(ip: try #require(IPAddress("192.0.2.1")), version: "test", abilities: abilities)
            try await scheduler.write(.cluster(cluster, .drone(DroneMessage(drone: drone, change: .metadata(metadata)))))
            let assignment = BackendAssignment(
                drone: drone, lockAssignment: LockAssignment(lock: lock, uid: LockUID(rawValue: 7)), hasHiddenToken: true)
            for change in [BackendMessage.Change.assignment(assignment), .state(.ready, at: .now())] {
                try await scheduler.write(.cluster(cluster, .backend(BackendMessage(backend: try .make("b1"), change: change))))
            }
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            let ended = Mutex(0)
            try await scheduler.serveTermination(reporting: .terminated) { ended.withLock { $0 += 1 } }
            var request = ScheduleRequest(
                cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: "app", env: ["SECRET": Secret("hidden")]),
                requireBearerToken: true, lock: lock, pool: try #require(PoolName(rawValue: "big")))
            change(&request)
            try await scheduler.serveExec(exitCode: 0, describing: request)
            if let answer { scheduler.answer(answer) } else { scheduler.answer { [try .make(.ready, backend: $0)] } }
            try await before(scheduler)
            let result = try await runPlane(["restart", "b1"] + arguments, server: server, input: input)
            let count = ended.withLock { $0 }
            done.withLock { $0 = (result.status, result.recorder, count, scheduler.requests) }
        }
        return try #require(done.withLock { $0 })
    }

    @Test("restart ends the backend, and asks for another one like it with the same lock; by whose account is told, and no secret of it")
    func restart() async throws {
        let result = try await self.restart(["--json"])
        #expect(result.status == 0, "\(result.recorder.error)")
        #expect(result.recorder.out.contains(#""state":"Ready""#) && !result.recorder.out.contains(#""backend_id":"b1""#))
        #expect(result.recorder.error.contains("By the account of drone-a, b1 runs app, with the variables SECRET."))
        #expect(!result.recorder.error.contains("hidden"))
        #expect(result.ended == 1)
        #expect(result.asked.map(\.lock?.rawValue) == ["doc-42"])
    }

    @Test("where the new one is refused restart says that the old one has ended")
    func refused() async throws {
        let result = try await self.restart([], answer: .noDroneAvailable)
        #expect(result.status == CommandStatus.noDrone.rawValue)
        #expect(result.recorder.error.contains("b1 has ended, and no other was started. No drone of plane.test can take the backend."))
        #expect(result.ended == 1)
    }

    @Test("restart ends nothing while its drone is drained and no other one could take the new backend")
    func drained() async throws {
        let result = try await self.restart([], before: { try await Self.drain("drone-a", in: $0) })
        #expect(result.status == CommandStatus.noDrone.rawValue)
        #expect(result.recorder.error.contains("b1 was left as it is: drone-a takes no backends now, nor does another drone of plane.test that could."))
        #expect(result.ended == 0)
        #expect(result.asked.isEmpty)
    }

    @Test("nor while the others are full; it goes on where one of them has room, or does not say", arguments: [2, 1, nil] as [UInt32?])
    func full(running: UInt32?) async throws {
        let task = Mutex<Task<Void, any Error>?>(nil)
        defer { task.withLock { $0?.cancel() } }
        let result = try await self.restart(
            [],
            before: { scheduler in
                try await Self.drain("drone-a", in: scheduler)
                try await scheduler.write(drone: "drone-b", backends: [:])
                let abilities = DroneAbilities(pool: PoolName(rawValue: "big"))
                let metadata = DroneMetadata(ip: try #require(IPAddress("192.0.2.2")), version: "test", abilities: abilities)
                try await scheduler.write(
                    .cluster(try .make("plane.test"), .drone(DroneMessage(drone: try .make("drone-b"), change: .metadata(metadata)))))
                guard let running else { return }
                let status = DroneStatusMessage(
                    droneID: try .make("drone-b"), cluster: try .make("plane.test"), droneVersion: "test", state: .ready, runningBackends: running,
                    maxBackends: 2)
                let connection = scheduler.connection
                task.withLock {
                    $0 = Task {
                        try await eventually("the command has ended", within: .seconds(300)) {
                            try connection.publish(WireCodec.encode(status), to: status.subject)
                            return Task.isCancelled
                        }
                    }
                }
            })
        #expect((result.status == CommandStatus.noDrone.rawValue) == (running == 2), "\(result.recorder.error)")
        #expect(result.recorder.error.contains("the other drones of plane.test that could are full") == (running == 2))
        #expect(result.ended == (running == 2 ? 0 : 1))
    }

    private static func drain(_ drone: String, in scheduler: FakeScheduler) async throws {
        try await scheduler.write(
            .cluster(try .make("plane.test"), .drone(DroneMessage(drone: try .make(drone), change: .state(.draining, at: .now())))))
    }

    /// What a drone may say of a backend other than schedulers have written.
    enum Lie: CaseIterable {
        case cluster, anotherLock, noLock, key, noToken, pool

        var subject: String {
            switch self {
            case .cluster: "cluster"
            case .anotherLock, .noLock: "lock"
            case .key: "key's tag"
            case .noToken: "token"
            case .pool: "pool"
            }
        }

        var known: String {
            switch self {
            case .cluster: "plane.test"
            case .anotherLock, .noLock: #""doc-42""#
            case .key: "none"
            case .noToken: "one"
            case .pool: #""big""#
            }
        }

        func tell(in request: inout ScheduleRequest) {
            switch self {
            case .cluster: request.cluster = ClusterName(rawValue: "other.test") ?? request.cluster
            case .anotherLock: request.lock = LockName(rawValue: "another")
            case .noLock: request.lock = nil
            // A key of another lock cannot even be read.
            case .key: request.key = BackendKey(name: "x", tag: "v1")
            case .noToken: request.requireBearerToken = false
            case .pool: request.pool = .unnamed
            }
        }
    }

    @Test("restart ends and starts nothing where a drone contradicts what schedulers have written", arguments: Lie.allCases)
    func contradiction(lie: Lie) async throws {
        let result = try await self.restart(["--yes"], lock: lie == .key ? "k1:0::x" : "doc-42", describing: { lie.tell(in: &$0) })
        #expect(result.status == CommandStatus.failed.rawValue)
        #expect(result.recorder.error.contains("drone-a says that the \(lie.subject) of b1 is"), "\(result.recorder.error)")
        #expect(result.recorder.error.contains("schedulers have written \(lie.known)"))
        #expect(result.ended == 0)
        #expect(result.asked.isEmpty)
    }

    @Test("restart shows what else a container would get by a drone's account, and wants a yes for it")
    func grants() async throws {
        let change: @Sendable (inout ScheduleRequest) -> Void = { request in
            request.executable.volumeMounts = ["/etc:/host"]
            request.executable.network = "backoffice"
            request.executable.dataMount = .path("shared/a")
            request.executable.credentials = .usernamePassword(username: "robot\u{1b}[2J", password: Secret("hidden"))
        }
        for input in [["n"], []] {
            let refused = try await self.restart([], input: input, describing: change)
            #expect(refused.status == CommandStatus.failed.rawValue)
            for text in ["the mount /etc:/host", "the network backoffice", "the shared directory shared/a", "the credentials of robot", "b1 was left as it is"]
            {
                #expect(refused.recorder.error.contains(text), "\(text)")
            }
            #expect(!refused.recorder.error.contains("hidden") && !refused.recorder.error.contains("\u{1b}"))
            #expect(refused.ended == 0)
            #expect(refused.asked.isEmpty)
        }
        for (arguments, input) in [(["--yes"], []), ([], ["y"])] {
            let allowed = try await self.restart(arguments, input: input, describing: change)
            #expect(allowed.status == 0, "\(allowed.recorder.error)")
            #expect(allowed.ended == 1)
            #expect(allowed.asked.map(\.executable.network) == ["backoffice"])
        }
    }

    @Test("the directory of a backend's own lock needs no yes, and another one's does")
    func ownDirectory() async throws {
        let allowed = try await self.restart([], describing: { $0.executable.dataMount = .key(namespace: "", name: "doc-42") })
        #expect(allowed.status == 0)
        let refused = try await self.restart([], describing: { $0.executable.dataMount = .key(namespace: "", name: "doc-43") })
        #expect(refused.recorder.error.contains("the directory of the key doc-43"))
        #expect(refused.ended == 0)
    }

    @Test("cp takes out of an archive what was asked for and nothing else, whatever a drone puts into it, and no rights that others would have")
    func unpacking() async throws {
        let directory = try TemporaryDirectory()
        for folder in ["made/tree", "made/.ssh", "target", "outside"] {
            try FileManager.default.createDirectory(atPath: directory.file(folder), withIntermediateDirectories: true)
        }
        for name in ["made/tree/note", "made/.ssh/authorized_keys", "made/tree/tool", "made/evil"] {
            try "what it says".write(toFile: directory.file(name), atomically: true, encoding: .utf8)
        }
        try await TestProcess.run("/bin/chmod", ["4755", directory.file("made/tree/tool")])
        // A link out of the target, and a file behind it; a name above the target.
        try await TestProcess.run(
            "/bin/sh",
            [
                "-c",
                """
                cd '\(directory.path)/made' && tar -cf ../archive tree .ssh
                ln -s '\(directory.path)/outside' tree/link && tar -rf ../archive tree/link && rm tree/link
                tar -rf ../archive --transform 's,^evil,tree/link/evil,' evil
                tar -rPf ../archive --transform 's,^evil,../outside/evil,' evil
                """,
            ])
        let arguments = CopyCommand.unpacking("/data/tree", into: directory.file("target"))
        // What tar refuses of it makes it fail, which is told.
        _ = try? await TestProcess.run(
            "/bin/sh", ["-c", "exec tar \"$@\" <'\(directory.file("archive"))' 2>/dev/null", "sh"] + arguments)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("target")) == ["tree"])
        #expect(try String(contentsOfFile: directory.file("target/tree/note"), encoding: .utf8) == "what it says")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("outside")).isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: directory.file("target/tree/tool"))[.posixPermissions] as? Int
        #expect(mode.map { $0 & 0o7000 } == 0)
        #expect(CopyCommand.unpacking("/data/.", into: "x").last == "-")
        #expect(CopyCommand.unpacking("/", into: "x").last == "-")
    }
}
