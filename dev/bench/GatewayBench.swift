import ArgumentParser
import Foundation
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation
import Synchronization

/// What HTTP costs beside the bus: the real gateway and scheduler on real NATS, with drones that are only messages. Ends with another status than 0
/// where a budget is not kept.
struct GatewayBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Connect over HTTP beside the same request on the bus; streams; start-up.")

    @Option(help: "NATS server with JetStream, used for nothing else.") var nats: String
    @Option(help: "The scheduler's program.") var scheduler: String
    @Option(help: "The gateway's program.") var gateway: String
    @Option(help: "Port for the gateway.") var port: UInt16
    @Option(help: "Drones.") var drones = 100
    @Option(help: "Live backends of each drone, there before.") var backendsPerDrone = 100
    @Option(help: "Requests on their way at once.") var connections = 64
    @Option(help: "Seconds that each thing is measured for.") var seconds = 10
    @Option(help: "Streams that are open at once.") var streams = 10_000
    @Option(help: "Requests one after the other, for the latencies.") var singles = 500

    func run() async throws {
        guard let cluster = ClusterName(rawValue: "bench.test") else { return }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let connection = try await NATSConnection.connect(NATSOptions(servers: [self.nats], name: "bench"), logger: logger)
        let bus = PlaneBus(connection: connection, logger: logger)
        let fleet = try BenchState(cluster: cluster, drones: self.drones, backendsPerDrone: self.backendsPerDrone)
        let messages = try await fleet.write(connection)
        let (scheduler, schedulerStart) = try await self.start(self.scheduler, "scheduler")
        let (gateway, gatewayStart) = try await self.start(
            self.gateway, "gateway",
            ["PLANE_GATEWAY__HTTP_PORT": "\(self.port)", "PLANE_GATEWAY__DEFAULT_CLUSTER": cluster.rawValue, "PLANE_GATEWAY__AUDIT": "false"])
        print(
            "\(messages) messages, \(self.drones * self.backendsPerDrone) backends: scheduler ready after \(schedulerStart.milliseconds), gateway after \(gatewayStart.milliseconds)"
        )
        let verdict = Verdict()
        if self.drones * self.backendsPerDrone >= Budget.largeFleet {
            verdict.expect(gatewayStart <= Budget.start * schedulerStart, "start-up \(Budget.start) × the scheduler's")
        }
        let drones = BenchFleet(fleet: fleet, bus: bus)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await drones.run() }
            // All drones have spoken twice.
            try await Task.sleep(for: .seconds(9))
            try await self.measureLatencies(bus, cluster, verdict)
            try await self.measureBusThroughput(bus, cluster)
            let created = try await self.measureThroughput("connect, new keys", gateway) { Self.body(key: UUID().uuidString) }
            verdict.expect(created.perSecond >= Budget.connects, "\(Budget.connects) connects a second")
            let reused = try await self.measureThroughput("connect, one held key", gateway) { Self.body(key: "held") }
            verdict.expect(reused.perSecondAndCore >= Budget.reuses, "\(Budget.reuses) reuses a second and core")
            try await self.measureStreams(gateway, verdict)
            group.cancelAll()
        }
        for process in [gateway, scheduler] {
            process.send(SIGTERM)
            await process.waitUntilEnded()
        }
        for sentence in verdict.sentences { print("not kept: \(sentence)") }
        if !verdict.sentences.isEmpty { throw ExitCode.failure }
    }

    /// What may be asked of two cores, on which the gateway, a scheduler, NATS and this program run together.
    private enum Budget {
        /// Seconds at the median.
        static let added = 0.003
        static let reuse = 0.001
        /// In a second.
        static let connects = 2000.0
        /// In a second of the gateway's processor.
        static let reuses = 10_000.0
        static let streamKiB = 12.0
        /// Of the scheduler's.
        static let start = 1.2
        /// From so many on the start is that of the state, and not that of a process.
        static let largeFleet = 100_000
    }

    private final class Verdict: Sendable {
        private let missed = Mutex<[String]>([])
        var sentences: [String] { self.missed.withLock { $0 } }
        func expect(_ isKept: Bool, _ budget: String) { if !isKept { self.missed.withLock { $0.append(budget) } } }
    }

    private static func body(key: String) -> String { #"{"key":{"name":"\#(key)"},"spawn_config":{"executable":{"image":"none"}}}"# }

    private func start(_ program: String, _ name: String, _ environment: [String: String] = [:]) async throws -> (SchedulerProcess, Double) {
        let log = FileManager.default.temporaryDirectory.appending(path: "plane-bench-\(name).log")
        let start = ContinuousClock.now
        let process = try SchedulerProcess(program: program, nats: self.nats, log: log, name: name, environment: environment)
        guard await process.waitUntilReady(within: .seconds(300)) else { throw ValidationError("the \(name) does not start; see \(log.path)") }
        return (process, (ContinuousClock.now - start) / .seconds(1))
    }

    /// One after the other, each kind in turn, so that a machine whose speed drifts does not spoil the comparison.
    private func measureLatencies(_ bus: PlaneBus, _ cluster: ClusterName, _ verdict: Verdict) async throws {
        let (port, singles) = (self.port, self.singles)
        var (onBus, created, reused) = (Samples(), Samples(), Samples())
        _ = try await onThread { try KeptHTTP(port: port).post("/ctrl/connect", Self.body(key: "held")) }
        for _ in 0..<singles / 50 {
            for _ in 0..<50 {
                let request = ScheduleRequest(
                    cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: "none"), lock: LockName(rawValue: UUID().uuidString))
                let start = ContinuousClock.now
                guard case .scheduled = try await bus.request(request) else { throw ValidationError("a request was not served") }
                onBus.add(ContinuousClock.now - start)
            }
            for isNew in [true, false] {
                let times = try await onThread { () throws -> [Duration] in
                    let client = try KeptHTTP(port: port)
                    return try (0..<50).map { _ in
                        let start = ContinuousClock.now
                        let status = try client.post("/ctrl/connect", Self.body(key: isNew ? UUID().uuidString : "held"))
                        guard status == 200 else { throw ValidationError("connect was answered with \(status)") }
                        return ContinuousClock.now - start
                    }
                }
                for time in times { if isNew { created.add(time) } else { reused.add(time) } }
            }
        }
        print("                        median        95 %")
        for (name, samples) in [("bus, new lock       ", onBus), ("connect, new key    ", created), ("connect, held key   ", reused)] {
            print("\(name) \(samples.median.milliseconds)  \(samples.quantile(0.95).milliseconds)")
        }
        verdict.expect(created.median - onBus.median <= Budget.added, "connect adds 3 ms to the scheduler's reply")
        verdict.expect(reused.median <= Budget.reuse, "1 ms for a held key")
    }

    /// As many requests on their way as over HTTP, each for a lock that nobody has: what the scheduler, NATS and the drones do on this machine without a gateway.
    private func measureBusThroughput(_ bus: PlaneBus, _ cluster: ClusterName) async throws {
        let start = ContinuousClock.now
        let end = start + .seconds(self.seconds)
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<self.connections {
                group.addTask {
                    var served = 0
                    while .now < end {
                        let request = ScheduleRequest(
                            cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: "none"), lock: LockName(rawValue: UUID().uuidString))
                        guard case .scheduled = try await bus.request(request) else { throw ValidationError("a request was not served") }
                        served += 1
                    }
                    return served
                }
            }
            return try await group.reduce(0, +)
        }
        print(String(format: "bus alone, new locks: %.0f/s", Double(served) / ((ContinuousClock.now - start) / .seconds(1))))
    }

    private func measureThroughput(
        _ name: String, _ process: SchedulerProcess, _ body: @escaping @Sendable () -> String
    ) async throws -> (perSecond: Double, perSecondAndCore: Double) {
        let port = self.port
        let cpu = ProcessUsage.processorTime(of: process.identifier)
        let start = ContinuousClock.now
        let end = start + .seconds(self.seconds)
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<self.connections {
                group.addTask {
                    try await onThread { () throws -> Int in
                        let client = try KeptHTTP(port: port)
                        var served = 0
                        while .now < end {
                            let status = try client.post("/ctrl/connect", body())
                            guard status == 200 else { throw ValidationError("connect was answered with \(status)") }
                            served += 1
                        }
                        return served
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let took = (ContinuousClock.now - start) / .seconds(1)
        let used = (ProcessUsage.processorTime(of: process.identifier) - cpu) / .seconds(1)
        print(
            String(
                format: "%@: %.0f/s, %.0f µs of the gateway's processor each (%.0f/s and core)", name, Double(served) / took, used / Double(served) * 1e6,
                Double(served) / used))
        return (Double(served) / took, Double(served) / used)
    }

    private func measureStreams(_ process: SchedulerProcess, _ verdict: Verdict) async throws {
        let (port, count) = (self.port, self.streams)
        let answer = try await onThread { () throws -> Data in
            let body = Data(Self.body(key: "held").utf8)
            return try RawHTTP.exchange(.tcp(host: "127.0.0.1", port: port), "POST", "/ctrl/connect", json: body).body
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard let backend = text.firstMatch(of: #/"backend_id":"([^"]+)"/#).map({ String($0.output.1) }) else { throw ValidationError("no backend: \(text)") }
        let before = ProcessUsage.residentBytes(of: process.identifier)
        try await onThread { () throws -> Void in
            let clients = try (0..<count).map { _ in
                let client = try KeptHTTP(port: port)
                guard try client.open("/pub/b/\(backend)/status-stream") == 200 else { throw ValidationError("a stream was not opened") }
                return client
            }
            let after = ProcessUsage.residentBytes(of: process.identifier)
            let each = Double(after - before) / Double(count) / 1024
            print(String(format: "%d open streams: %.1f KiB each", count, each))
            verdict.expect(each <= Budget.streamKiB, "\(Budget.streamKiB) KiB for each open stream")
            withExtendedLifetime(clients) {}
        }
    }
}
