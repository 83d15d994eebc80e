import ArgumentParser
import Logging
import NATS
import NetworkAddresses
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import plane

@Suite("The commands, over a real NATS", .timeLimit(.minutes(10)))
struct CommandsOverNATSTests {
    private func run(
        _ arguments: [String], server: NATSServer, environment: [String: String] = [:]
    ) async throws -> (status: Int32, recorder: ConsoleRecorder) {
        try await runPlane(arguments, server: server, environment: environment)
    }

    @Test("spawn waits for Ready and tells the phases; with --json it says one document")
    func spawn() async throws {
        try await withFakeScheduler { scheduler, server in
            scheduler.answer { backend in
                [
                    try .make(.loading, backend: backend),
                    try .make(.starting, backend: backend),
                    try .make(
                        .ready, backend: backend,
                        detail: BackendStatusDetail(phases: SpawnPhases(accepted: 0, created: 6000, started: 9000, ready: 10_000))),
                ]
            }
            let text = try await self.run(["spawn", "plane.test", "app", "--id", "b1"], server: server)
            #expect(text.status == 0)
            #expect(text.recorder.lines.prefix(4) == ["Backend scheduled.", "URL: https://b1.plane.test/", "Drone: drone-a", "Backend ID: b1"])
            #expect(text.recorder.lines.last?.hasPrefix("Ready after ") == true)
            #expect(text.recorder.lines.last?.hasSuffix("(created 6 ms · started 3 ms · ready 1 ms)") == true)
            let json = try await self.run(["spawn", "plane.test", "app", "--json", "--bearer-token"], server: server)
            #expect(json.recorder.lines.count == 1)
            #expect(json.recorder.out.contains(#""state":"Ready""#))
            #expect(json.recorder.out.contains(#""bearer_token":"t0ken""#))
            #expect(json.recorder.error.isEmpty)
        }
    }

    @Test("spawn prints the URL that the drone says it is reached by, with a port in the cluster's name or without")
    func urls() async throws {
        try await withFakeScheduler { scheduler, server in
            scheduler.answer { _ in [] }
            for (cluster, endpoint, url) in [
                ("plane.test", PublicEndpoint(scheme: .http, port: 8080), "http://b1.plane.test:8080/"),
                ("localhost:8322", PublicEndpoint(scheme: .http), "http://b1.localhost:8322/"),
            ] {
                let metadata = DroneMetadata(ip: .v4(0x7F00_0001), version: "test", endpoint: endpoint)
                try await scheduler.write(.cluster(try .make(cluster), .drone(DroneMessage(drone: try .make("drone-a"), change: .metadata(metadata)))))
                let result = try await self.run(["spawn", cluster, "app", "--id", "b1", "--no-wait", "--json"], server: server)
                #expect(result.recorder.out.contains("\"url\":\"\(url)\""))
            }
            let unknown = try await self.run(["spawn", "localhost:9000", "app", "--id", "b1", "--no-wait", "--json"], server: server)
            #expect(unknown.recorder.out.contains(#""url":"https://b1.localhost:9000/""#))
        }
    }

    @Test("spawn --no-wait returns with the placement")
    func noWait() async throws {
        try await withFakeScheduler { scheduler, server in
            scheduler.answer { _ in [] }
            let result = try await self.run(["spawn", "plane.test", "app", "--no-wait"], server: server)
            #expect(result.status == 0)
            #expect(result.recorder.lines.count == 4)
        }
    }

    @Test("L2: spawn ends with a status of its own when there is no drone, or the backend ends early")
    func spawnFailures() async throws {
        try await withFakeScheduler { scheduler, server in
            scheduler.answer(.noDroneAvailable)
            let noDrone = try await self.run(["spawn", "plane.test", "app"], server: server)
            #expect(noDrone.status == CommandStatus.noDrone.rawValue)
            #expect(noDrone.recorder.error.contains("plane list-drones"))
            scheduler.answer(.error(ErrorReply(code: .lockBusy, message: "The lock is busy.")))
            let busy = try await self.run(["spawn", "plane.test", "app", "--lock", "doc"], server: server)
            #expect(busy.status == CommandStatus.failed.rawValue)
            #expect(busy.recorder.error.contains("The lock is busy."))
            scheduler.answer { backend in
                [try .make(.errorLoading, backend: backend, detail: BackendStatusDetail(message: "no such image: app"))]
            }
            let ended = try await self.run(["spawn", "plane.test", "app"], server: server)
            #expect(ended.status == CommandStatus.endedBeforeReady.rawValue)
            #expect(ended.recorder.error.contains("no such image: app"))
            let told = try await self.run(["spawn", "plane.test", "app", "--id", "b7", "--json"], server: server)
            #expect(
                told.recorder.lines.count == 1
                    && told.recorder.out.hasPrefix(#"{"cluster":"plane.test","backend_id":"b7","drone":"drone-a","state":"ErrorLoading""#))
            #expect(told.recorder.out.contains(#""exit_status":3"#))
            scheduler.answer { _ in [] }
            let slow = try await self.run(["spawn", "plane.test", "app", "--wait", "0"], server: server)
            #expect(slow.status == CommandStatus.noAnswer.rawValue)
            #expect(slow.recorder.error.contains("plane status"))
        }
    }

    @Test("a NATS without a scheduler, or none at all, is said to be just that")
    func nobody() async throws {
        try await withNATSServer { server in
            let spawn = try await self.run(["spawn", "plane.test", "app"], server: server)
            #expect(spawn.status == CommandStatus.unavailable.rawValue)
            #expect(spawn.recorder.error.contains("scheduler"))
            let list = try await self.run(["list-backends"], server: server)
            #expect(list.status == CommandStatus.unavailable.rawValue)
            await server.stop()
            let unreachable = try await self.run(["list-backends"], server: server)
            #expect(unreachable.status == CommandStatus.unavailable.rawValue)
            let spawning = try await self.run(["spawn", "plane.test", "app", "--id", "b7", "--json"], server: server)
            #expect(spawning.status == CommandStatus.unavailable.rawValue)
            #expect(spawning.recorder.lines.count == 1)
            #expect(spawning.recorder.out.hasPrefix(#"{"cluster":"plane.test","backend_id":"b7","drone":null,"state":null"#))
            #expect(spawning.recorder.out.contains(#""exit_status":69"#))
            #expect(unreachable.recorder.error.contains("\(server.port)"))
        }
    }

    @Test("L1: user and password of the URL are used, and never shown when they are wrong")
    func credentials() async throws {
        try await withNATSServer(configuration: #"authorization { user: "ann", password: "pw" }"#) { server in
            let url = { (password: String) in "nats://ann:\(password)@127.0.0.1:\(server.port)" }
            let right = try await self.run(["--nats", url("pw"), "list-drones"], server: server)
            #expect(right.status == CommandStatus.unavailable.rawValue)  // No streams, but let in.
            let wrong = try await self.run(["list-drones"], server: server, environment: ["PLANE_NATS_URL": url("wr0ng")])
            #expect(wrong.status == CommandStatus.notPermitted.rawValue)
            #expect(!wrong.recorder.error.contains("wr0ng"))
            let typo = try await self.run(["list-drones", "--nats", "http://ann:wr0ng@n1"], server: server)
            #expect(typo.status == CommandStatus.usage.rawValue)
            #expect(!typo.recorder.error.contains("wr0ng"))
        }
    }

    @Test("list-drones, list-backends and status show what the stream says")
    func lists() async throws {
        try await withFakeScheduler { scheduler, server in
            #expect(try await self.run(["list-drones"], server: server).recorder.error == "No drone has registered.\n")
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready, "b2": .swept])
            let drones = try await self.run(["list-drones"], server: server)
            #expect(drones.recorder.lines.count == 3)
            #expect(drones.recorder.out.contains("drone-a"))
            let backends = try await self.run(["list-backends", "--cluster", "plane.test"], server: server)
            #expect(backends.recorder.out.contains("b1.plane.test"))
            #expect(!backends.recorder.out.contains("b2.plane.test"))
            #expect(backends.recorder.error.contains("1 that have ended"))
            let all = try await self.run(["list-backends", "--all", "--json"], server: server)
            #expect(all.recorder.out.contains(#""host":"b2.plane.test","state":"Swept""#))
            let overview = try await self.run(["status"], server: server)
            #expect(overview.recorder.lines == ["plane.test", "  drones    1 Ready", "  backends  1 Ready, 1 Swept"])
            let json = try await self.run(["status", "--json"], server: server)
            #expect(
                json.recorder.out
                    == #"{"clusters":[{"cluster":"plane.test","drones":{"Ready":1},"backends":{"Ready":1,"Swept":1},"silent_drones":[]}]}"#
                    + "\n")
        }
    }

    @Test("status shows a backend's history, follows it to its end, and knows nothing of strangers")
    func status() async throws {
        try await withFakeScheduler { scheduler, server in
            for state in [BackendState.loading, .starting, .ready, .swept] {
                try await scheduler.publish(try .make(state, backend: "b1"))
            }
            let history = try await self.run(["status", "b1"], server: server)
            #expect(history.recorder.lines.map { $0.split(separator: "\t")[1] } == ["Loading", "Starting", "Ready", "Swept"])
            #expect(try await self.run(["status", "-f", "b1"], server: server).recorder.lines.count == 4)
            let stranger = try await self.run(["status", "b9"], server: server)
            #expect(stranger.status == CommandStatus.failed.rawValue)
            #expect(stranger.recorder.error.contains("list-backends"))
        }
    }

    @Test("L5: terminate waits for the end, and is not content with anybody's acknowledgement")
    func terminate() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            let stranger = try await self.run(["terminate", "plane.test", "b9"], server: server)
            #expect(stranger.status == CommandStatus.failed.rawValue)
            #expect(stranger.recorder.error.contains("has no backend b9"))
            let noAgent = try await self.run(["terminate", "plane.test", "b1"], server: server)
            #expect(noAgent.status == CommandStatus.unavailable.rawValue)
            try await scheduler.serveTermination(reporting: nil)
            let unheard = try await self.run(["terminate", "plane.test", "b1", "--wait", "0"], server: server)
            #expect(unheard.status == CommandStatus.noAnswer.rawValue)
            try await scheduler.serveTermination(reporting: .terminated)
            let ended = try await self.run(["terminate", "plane.test", "b1"], server: server)
            #expect(ended.status == 0)
            #expect(ended.recorder.lines.first == "Terminated successfully")
            let elsewhere = try await self.run(["terminate", "other.test", "b1"], server: server)
            #expect(elsewhere.recorder.error.contains("other.test has no backend b1"))
            let again = try await self.run(["terminate", "http://b1.plane.test:8080/"], server: server)
            #expect(again.status == 0)
            #expect(again.recorder.lines.first == "It had ended already.")
        }
    }

    @Test("logs shows what was printed, and with -f what is still to come until the backend ends")
    func logs() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            #expect(try await self.run(["logs", "b1"], server: server).recorder.out.isEmpty)
            try await scheduler.log("b1", "2024-03-11T09:15:31Z one\n")
            try await scheduler.log("b1", "2024-03-11T09:15:32Z two\n")
            #expect(try await self.run(["logs", "b1"], server: server).recorder.lines == ["one", "two"])
            async let following = self.run(["logs", "-f", "b1", "--json"], server: server)
            try await scheduler.log("b1", "three")
            try await scheduler.publish(try .make(.exited, backend: "b1"))
            #expect(try await following.recorder.lines.count == 3)
            #expect(try await self.run(["logs", "b9"], server: server).status == CommandStatus.failed.rawValue)
        }
    }

    @Test("where agents print on subjects that name them, logs shows what the drone printed that the backend was given to, and nothing of others")
    func logsOfItsDrone() async throws {
        try await withFakeScheduler(logs: ["backend.*.log", BackendLogMessage.ownSubscription]) { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            try await scheduler.log("b1", "2024-03-11T09:15:30Z before the switch\n")
            try await scheduler.log("b1", "2024-03-11T09:15:31Z true\n", from: "drone-a")
            try await scheduler.log("b1", "2024-03-11T09:15:32Z false\n", from: "drone-b")
            #expect(try await self.run(["logs", "b1"], server: server).recorder.lines == ["before the switch", "true"])
            #expect(try await !self.run(["why", "b1"], server: server).recorder.out.contains("false"))
            async let following = self.run(["logs", "-f", "b1", "--json"], server: server)
            try await scheduler.log("b1", "more", from: "drone-a")
            try await scheduler.log("b1", "false", from: "drone-b")
            try await scheduler.publish(try .make(.exited, backend: "b1"))
            let followed = try await following.recorder.out
            #expect(followed.contains("more") && !followed.contains("false"))
            // Of a backend that the state has forgotten, nobody knows the drone.
            try await scheduler.publish(try .make(.exited, backend: "b2"))
            try await scheduler.log("b2", "2024-03-11T09:15:31Z whoever\n", from: "drone-b")
            #expect(try await self.run(["logs", "b2"], server: server).recorder.lines == ["whoever"])
        }
    }

    @Test("L2: drain fails when a drone is not reached")
    func drain() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.serveDrain(of: "drone-a")
            let drained = try await self.run(["drain", "plane.test", "drone-a"], server: server)
            #expect(drained.status == 0)
            #expect(drained.recorder.lines == ["drone-a takes no new backends."])
            let cancelled = try await self.run(["drain", "plane.test", "drone-a", "--cancel"], server: server)
            #expect(cancelled.recorder.lines == ["drone-a takes backends again."])
            let partly = try await self.run(["drain", "plane.test", "drone-a", "drone-b"], server: server)
            #expect(partly.status == CommandStatus.unavailable.rawValue)
            #expect(partly.recorder.error.contains("drone-b"))
            #expect(partly.recorder.error.contains("1 of 2"))
        }
    }

    @Test("drain --wait tells what still runs, and ends when the drone is empty")
    func drainAndWait() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.serveDrain(of: "drone-a", thenSaying: [(.ready, 2), (.draining, 2), (.draining, 1), (.drained, 0)])
            let drained = try await self.run(["drain", "plane.test", "drone-a", "--wait"], server: server)
            #expect(drained.status == 0)
            #expect(drained.recorder.lines == ["drone-a is drained: it takes no new backends and runs none."])
            #expect(drained.recorder.error.contains("drone-a is draining: 2 backends still run\ndrone-a is draining: 1 backend still runs"))
        }
    }

    @Test("drain --wait ends with a clear word when somebody cancels the drain, and when its time is over")
    func drainCancelled() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.serveDrain(of: "drone-a", thenSaying: [(.draining, 2), (.ready, 2)])
            let cancelled = try await self.run(["drain", "plane.test", "drone-a", "--wait"], server: server)
            #expect(cancelled.status == CommandStatus.failed.rawValue)
            #expect(cancelled.recorder.error.contains("cancelled"))
            try await scheduler.serveDrain(of: "drone-b", thenSaying: [(.draining, 2)])
            let late = try await self.run(["drain", "plane.test", "drone-b", "--wait", "--timeout", "1"], server: server)
            #expect(late.status == CommandStatus.noAnswer.rawValue)
            #expect(late.recorder.error.contains("drone-b is not empty after 1"))
        }
    }
}
