import Foundation
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

/// The program itself, as an operator starts it.
@Suite("The program scheduler") struct SchedulerProgramTests {
    @Test("tells its version")
    func version() async throws {
        let program = try TestProcess.ours("scheduler", ["--version"])
        _ = try await program.line(containing: BuildInformation.version)
        #expect(await program.ended() == 0)
    }

    @Test("a wrong configuration ends it with 64 and all mistakes", arguments: [["--check"], []])
    func mistakes(flags: [String]) async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("controller.toml")
        try "nats.hosts = ['ftp://x']\n[scheduler.metrics]\nport = 70000".write(toFile: file, atomically: true, encoding: .utf8)
        let program = try TestProcess.ours("scheduler", flags + [file])
        #expect(await program.ended() == 64)
        let log = program.log.joined(separator: "\n")
        #expect(log.contains("scheduler: error: nats.hosts: found"))
        #expect(log.contains("scheduler: error: scheduler.metrics.port: found 70000, expected a port from 0 to 65535"))
    }

    @Test("starts, serves requests and metrics, and ends in order, with nothing to warn of", arguments: [TestProcess.Signal.terminate, .interrupt])
    func life(signal: TestProcess.Signal) async throws {
        try await withNATSServer { server in
            let port = try freeLoopbackPort()
            let program = try TestProcess.ours(
                "scheduler",
                environment: [
                    "PLANE_NATS__HOSTS": server.url, "PLANE_SCHEDULER__METRICS__PORT": "\(port)", "PLANE_LOG__FORMAT": "json",
                ])
            _ = try await program.line(containing: "\"message\":\"scheduler is ready\"")
            let bus = try await TestCluster.bus(server)
            let reply = try await bus.request(ScheduleRequest.make())
            #expect(reply == .noDroneAvailable)

            let connection = try await LoopbackConnection(port: port)
            try await connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let metrics = String(decoding: try await connection.receiveToEnd(), as: UTF8.self)
            #expect(
                metrics.contains(
                    "plane_scheduler_schedule_requests_total{cluster=\"plane.test\",result=\"no_drone_available\"} 1"))
            #expect(metrics.contains("plane_scheduler_schedule_seconds_count 1"))
            #expect(try await MetricsLinter.findings(in: metrics) == [])

            #expect(await program.stop(signal) == 0)
            #expect(program.log.last?.contains("\"message\":\"stopped\"") == true)
            // The request above is told as one that no drone took.
            let told = program.log.filter { !$0.contains("no drone available") }
            let warnings = told.filter { $0.contains("\"level\":\"warning\"") || $0.contains("\"level\":\"error\"") }
            #expect(program.log.contains { $0.contains("\"level\":\"info\"") } && warnings.isEmpty, "\(warnings)")
            #expect(!program.log.contains { $0.contains("not as configured") }, "what is wanted of the streams is what one server can have")
        }
    }

    @Test("without NATS it says so and keeps trying until it is told to end")
    func noNATS() async throws {
        let port = try freeLoopbackPort()
        let program = try TestProcess.ours("scheduler", environment: ["PLANE_NATS__HOSTS": "127.0.0.1:\(port)"])
        _ = try await program.line(containing: "NATS is not reachable yet")
        await program.stop()
    }
}
