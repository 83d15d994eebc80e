import ArgumentParser
import Logging
import NATS
import NetworkAddresses
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import PlaneClient
@testable import plane

@Suite("The operator's commands, over a real NATS", .timeLimit(.minutes(10)))
struct OperatorCommandsTests {
    @Test("why reports on a backend, and knows nothing of strangers")
    func why() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .failed])
            try await scheduler.publish(try .make(.loading))
            try await scheduler.publish(try .make(.failed, second: 3, detail: BackendStatusDetail(cause: .exitedByItself, exitCode: 3)))
            for line in ["one", "two", "three"] { try await scheduler.log("b1", line) }
            let text = try await runPlane(["why", "b1", "--lines", "2"], server: server)
            #expect(text.status == 0)
            #expect(text.recorder.out.contains("exit code 3"))
            #expect(text.recorder.out.contains("+3.0 s"))
            #expect(text.recorder.out.contains("two\n    three"))
            #expect(!text.recorder.out.contains("one\n"))
            let json = try await runPlane(["why", "b1", "--json"], server: server)
            #expect(json.recorder.out.contains(#""drone":"drone-a""#))
            #expect(json.recorder.out.contains(#""cause":"exited","exit_code":3"#))
            for name in ["b1.plane.test", "https://b1.plane.test/page", "b"] {
                #expect(try await runPlane(["why", name], server: server).status == 0, "\(name)")
            }
            let stranger = try await runPlane(["why", "c9"], server: server)
            #expect(stranger.status == CommandStatus.failed.rawValue)
            #expect(stranger.recorder.error.contains("list-backends"))
        }
    }

    @Test("dump-state has everything but the tokens")
    func dumpState() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let assignment = BackendAssignment(
                drone: try .make("drone-a"), bearerToken: "s3cret",
                lockAssignment: LockAssignment(lock: try #require(LockName(rawValue: "doc")), uid: LockUID(rawValue: 7)))
            try await scheduler.write(
                .cluster(.make("plane.test"), .backend(BackendMessage(backend: .make("b2"), change: .assignment(assignment)))))
            let dump = try await runPlane(["dump-state"], server: server).recorder.out
            #expect(dump.contains(#""drone":"drone-a""#))
            #expect(dump.contains(#""backend_id":"b1""#))
            #expect(dump.contains(#""lock":"doc","state":"held","backend_id":"b2""#))
            #expect(!dump.contains("s3cret"))
            let stream = try await runPlane(["stream-state", "--snapshot", "--json"], server: server).recorder.out
            #expect(stream.contains(#""lock":"doc""#))
            #expect(!stream.contains("s3cret"))
        }
    }

    @Test("L3: stream-state --snapshot ends on an empty stream, and shows the last message of another")
    func streamState() async throws {
        try await withFakeScheduler { scheduler, server in
            #expect(try await runPlane(["stream-state", "--snapshot"], server: server).recorder.out.isEmpty)
            try await scheduler.write(.heartbeat)
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let changes = try await runPlane(["stream-state", "--snapshot"], server: server).recorder.lines
            #expect(changes.count == 3)
            #expect(changes.last?.hasSuffix("cluster: plane.test backend b1: Ready") == true)
            let all = try await runPlane(["stream-state", "--snapshot", "--include-heartbeat"], server: server).recorder.lines
            #expect(all.count == 5)
            #expect(try await runPlane(["stream-state", "--snapshot", "--cluster", "other"], server: server).recorder.out.isEmpty)
        }
    }

    @Test("L4: cleanup --dry-run changes nothing and counts right; cleanup forgets what has ended, and nothing that runs")
    func cleanup() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready, "b2": .swept, "b3": .failed])
            let recent = try await runPlane(["cleanup"], server: server)
            #expect(recent.recorder.lines == ["0 backends were forgotten."])
            let ambiguous = #expect(throws: (any Error).self) { try CleanupCommand.parse(["--older-than", "48"]) }
            #expect(ambiguous.map { CleanupCommand.message(for: $0) }?.contains("--older-than 48 has no unit: write 48h for hours, or 48s.") == true)
            let dry = try await runPlane(["cleanup", "--older-than", "0s", "--dry-run"], server: server)
            #expect(dry.recorder.lines.count == 3)
            #expect(dry.recorder.lines.last == "2 backends would be forgotten.")
            let real = try await runPlane(["cleanup", "--older-than", "0", "--json"], server: server)
            #expect(real.recorder.lines.count == 2)
            #expect(real.recorder.out.contains(#""reason":"ended""#))
            let left = try await runPlane(["list-backends", "--all"], server: server).recorder.out
            #expect(left.contains("b1.plane.test"))
            #expect(!left.contains("b2") && !left.contains("b3"))
        }
    }

    @Test("cleanup deletes a backend's messages by their places, its token before them")
    func cleanupOfTokens() async throws {
        try await withFakeScheduler { scheduler, server in
            let jetStream = scheduler.connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "plane_secrets", subjects: ["secret.>"], maxMessagesPerSubject: 1))
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready, "b2": .swept])
            for id in ["b1", "b2"] {
                let assignment = BackendAssignment(drone: try .make("drone-a"), hasHiddenToken: true)
                try await scheduler.write(.cluster(try .make("plane.test"), .backend(BackendMessage(backend: try .make(id), change: .assignment(assignment)))))
                _ = try await jetStream.publish(Array("token".utf8), to: "secret.cluster.plane_test.backend.\(id)")
            }
            let requests = try scheduler.connection.subscribe("$JS.API.STREAM.>")
            try await scheduler.connection.flush()
            #expect(try await runPlane(["cleanup", "--older-than", "0"], server: server).recorder.lines.last == "1 backends were forgotten.")
            try await scheduler.connection.flush()
            requests.drain()
            var asked: [String] = []
            for await request in requests { asked.append(request.subject) }
            #expect(!asked.contains { $0.contains("PURGE") })
            #expect(asked.first { $0.contains("MSG.DELETE") } == "$JS.API.STREAM.MSG.DELETE.plane_secrets")
            #expect(try await jetStream.lastMessage(stream: "plane_secrets", subject: "secret.cluster.plane_test.backend.b2") == nil)
            #expect(try await jetStream.lastMessage(stream: "plane_secrets", subject: "secret.cluster.plane_test.backend.b1") != nil)
            #expect(try await jetStream.lastMessage(stream: "plane_state", subject: "state.cluster.plane_test.backend.b2.assignment") == nil)
            #expect(try await jetStream.lastMessage(stream: "plane_state", subject: "state.cluster.plane_test.backend.b1.assignment") != nil)
        }
    }

    @Test("a terminal obeys nothing that a drone or a scheduler says")
    func terminalCommands() async throws {
        try await withFakeScheduler { scheduler, server in
            let command = "\u{1b}]0;owned\u{7}\u{1b}[2J"
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let metadata = DroneMetadata(ip: .v4(0x7F00_0001), version: "1\(command)", gitHash: command)
            try await scheduler.write(
                .cluster(try .make("plane.test"), .drone(DroneMessage(drone: try .make("drone-a"), change: .metadata(metadata)))))
            scheduler.answer(.error(ErrorReply(code: .unavailable, message: "no\(command)")))
            let detail = BackendStatusDetail(cause: BackendCause(rawValue: "odd\(command)"), message: "why\(command)", lastLines: ["line\(command)"])
            try await scheduler.publish(try .make(.failed, backend: "b1", detail: detail))
            for arguments in [
                ["list-drones"], ["list-backends", "--all"], ["status", "b1"], ["why", "b1"], ["doctor"], ["status"],
                ["spawn", "plane.test", "image", "--no-wait"],
            ] {
                let shown = try await runPlane(arguments, server: server).recorder
                #expect(!(shown.out + shown.error).contains { $0 == "\u{1b}" || $0 == "\u{7}" }, "plane \(arguments)")
            }
            var progress = ReadinessProgress(backend: try .make("b1"))
            progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .meta, text: "Pulling \(command)"))
            let terminal = ConsoleRecorder()
            ProgressLine(console: terminal.console(terminal: true)).show(progress.line(elapsed: .seconds(1)))
            #expect(terminal.error.hasPrefix("\r\u{1b}[K") && !terminal.error.dropFirst(4).contains("\u{1b}"))
        }
    }

    @Test("top shows a backend of which two drones speak twice, each with its drone")
    func topOfTwo() async throws {
        try await withFakeScheduler(logs: ["backend.*.log", BackendLogMessage.ownSubscription]) { scheduler, server in
            let recorder = ConsoleRecorder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await runPlane(["top", "--json"], server: server, recorder: recorder) }
                try await eventually("samples are shown") {
                    for (drone, speaker) in [("drone-a", "drone-a"), ("drone-b", "drone-b"), ("drone-c", "drone-b")] {
                        let sample = BackendStatsMessage(
                            cluster: try .make("plane.test"), droneID: try .make(drone), backendID: try .make("b1"),
                            memoryUsedBytes: 1, memoryAvailableBytes: 2, cpuUsedNanoseconds: 1, systemCPUNanoseconds: 4)
                        try scheduler.connection.publish(
                            WireCodec.encode(sample), to: "cluster.plane_test.drone.\(speaker).backend.b1.stats")
                    }
                    return recorder.out.contains("drone-a") && recorder.out.contains("drone-b")
                }
                group.cancelAll()
            }
            // Said on another drone's subject.
            #expect(!recorder.out.contains("drone-c"))
        }
    }

    @Test("L6: mark-backend-lost asks, and writes off what lives and is known, nothing else")
    func markLost() async throws {
        try await withFakeScheduler { scheduler, server in
            let taken = Mutex<[UpdateBackendStateMessage]>([])
            try await scheduler.serveReports { update in taken.withLock { $0.append(update) } }
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready, "b2": .swept])
            let refused = try await runPlane(["mark-backend-lost", "plane.test", "b1"], server: server, input: ["n"])
            #expect(refused.status == CommandStatus.failed.rawValue)
            #expect(refused.recorder.error.contains("Write off b1 (Ready on drone-a)?"))
            #expect(taken.withLock { $0.isEmpty })
            let partly = try await runPlane(["mark-backend-lost", "plane.test", "b1", "b2", "b9"], server: server, input: ["y"])
            #expect(partly.status == CommandStatus.failed.rawValue)
            #expect(partly.recorder.error.contains("b2 has ended already: Swept."))
            #expect(partly.recorder.error.contains("has no backend b9"))
            #expect(taken.withLock { $0.map(\.state) } == [.lost])
            for words in [["plane.test", "b1"], ["b1"], ["b1.plane.test"]] {
                #expect(try await runPlane(["mark-backend-lost", "--yes"] + words, server: server).status == 0, "\(words)")
            }
        }
    }

    @Test("top --json tells each sample of the cluster as it comes")
    func top() async throws {
        try await withFakeScheduler { scheduler, server in
            let recorder = ConsoleRecorder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    _ = try await runPlane(["top", "--json", "--cluster", "plane.test"], server: server, recorder: recorder)
                }
                try await eventually("a sample is shown") {
                    for cluster in ["other.test", "plane.test"] {
                        let sample = BackendStatsMessage(
                            cluster: try .make(cluster), droneID: try .make("drone-a"), backendID: try .make("b1"),
                            memoryUsedBytes: 1, memoryAvailableBytes: 2, cpuUsedNanoseconds: 1, systemCPUNanoseconds: 4)
                        try scheduler.connection.publish(WireCodec.encode(sample), to: sample.subject)
                    }
                    return !recorder.out.isEmpty
                }
                group.cancelAll()
            }
            #expect(recorder.out.contains(#""cluster":"plane.test""#))
            #expect(!recorder.out.contains("other.test"))
        }
    }

    @Test("doctor says what is missing, and that a system is well")
    func doctor() async throws {
        try await withNATSServer { server in
            let nothing = try await runPlane(["doctor"], server: server)
            #expect(nothing.status == CommandStatus.failed.rawValue)
            #expect(nothing.recorder.out.contains("There is no stream plane_state, backend_status, backend_logs."))
        }
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: [:])
            let silent = try await runPlane(["doctor", "--json"], server: server)
            #expect(silent.status == CommandStatus.failed.rawValue)
            #expect(silent.recorder.out.contains("no scheduler runs"))
            let unheard = try await runPlane(["doctor"], server: server)
            #expect(unheard.recorder.out.contains("Nobody answers for drone-a: its agent does not run"))
            try await scheduler.serveConnections()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Each waits for its acknowledgement, which paces them.
                    while !Task.isCancelled { try await scheduler.write(.heartbeat) }
                }
                let well = try await runPlane(["doctor"], server: server)
                #expect(well.status == 0)
                #expect(well.recorder.out.contains("At least one is alive"))
                #expect(well.recorder.out.contains("They agree."))
                group.cancelAll()
            }
        }
    }

    @Test("doctor names the stream that stores requests, the one that has our subjects, and says how full the store is and why nothing is scheduled")
    func doctorAndStreams() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.connect(
                NATSOptions(servers: [server.url]), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            _ = try await connection.jetStream.ensureStream(StreamConfiguration(name: "ENDS", subjects: ["backend.>"]))
            let overlap = try await runPlane(["doctor"], server: server)
            #expect(overlap.status == CommandStatus.failed.rawValue)
            #expect(overlap.recorder.out.contains("backend.*.status of backend_status overlap with backend.> of stream ENDS"))
            await connection.drain()
        }
        let small = "jetstream { store_dir: \"$DIRECTORY/store\", max_file_store: 8MB }"
        try await withNATSServer(jetStream: false, configuration: small) { server in
            let scheduler = try await FakeScheduler(server)
            let jetStream = scheduler.connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "plane_leases", subjects: ["lease.>"]))
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "AUDIT", subjects: ["cluster.*.drone.*.spawn"]))
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "JUNK", subjects: ["junk"]))
            try await scheduler.write(drone: "drone-a", backends: [:])
            try await scheduler.serveFetches(.error(ErrorReply(code: .unavailable, message: "NATS says: 503 insufficient resources (10023)")))
            let roomy = try await runPlane(["doctor"], server: server)
            #expect(roomy.recorder.out.contains("Stream AUDIT stores requests (cluster.*.drone.*.spawn)"))
            #expect(roomy.recorder.out.contains("of about 8 MiB in JetStream's store (0 %)"))
            let line = [UInt8](repeating: 0, count: 1 << 19)
            for _ in 0..<13 { _ = try await jetStream.publish(line, to: "junk") }
            let full = try await runPlane(["doctor"], server: server)
            #expect(full.status == CommandStatus.failed.rawValue)
            #expect(full.recorder.out.contains("(81 %), most of it stream JUNK"))
            #expect(full.recorder.out.contains("A scheduler says: NATS says: 503 insufficient resources (10023)"))
            await scheduler.stop()
        }
    }

    @Test("doctor names every stream that stores requests, of whatever kind")
    func doctorAndAudits() async throws {
        let kinds: [any PlaneRequest.Type] = [
            DroneConnectRequest.self, DroneStatement<DroneConnectRequest>.self, SpawnRequest.self, RollCallRequest.self, OpenConnectionsRequest.self,
            DrainDrone.self, TerminationRequest.self, UpdateBackendStateMessage.self, DroneStatement<UpdateBackendStateMessage>.self, ScheduleRequest.self,
            FetchBackendForLock.self, SetAcmeDNSRecord.self, ExecRequest.self, ExecInput.self, ExecOutputRequest.self, DescribeBackend.self,
        ]
        try await withNATSServer { server in
            let scheduler = try await FakeScheduler(server)
            for (index, kind) in kinds.enumerated() {
                _ = try await scheduler.connection.jetStream.ensureStream(StreamConfiguration(name: "AUDIT\(index)", subjects: [kind.subscription]))
            }
            let found = try await runPlane(["doctor"], server: server)
            for (index, kind) in kinds.enumerated() {
                #expect(found.recorder.out.contains("Stream AUDIT\(index) stores requests (\(kind.subscription))"), "\(found.recorder.out)")
            }
            await scheduler.stop()
        }
    }

    @Test("completions are printed for each shell", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let recorder = ConsoleRecorder()
        try Console.$current.withValue(recorder.console()) {
            var command = try PlaneCommand.parseAsRoot(["completions", shell])
            try command.run()
        }
        #expect(recorder.out.contains("list-backends"))
    }
}
