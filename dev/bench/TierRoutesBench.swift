import ArgumentParser
import Foundation
import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation

/// How a proxy of the tier does with many routes: the real program on real NATS, beside the scheduler, which reads the same state. Ends with another status
/// than 0 where a budget is not kept.
struct TierRoutesBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tier-routes", abstract: "Start-up and memory of a gateway-proxy with many backends, and how soon one that is ready is served.")

    @Option(help: "NATS server with JetStream, used for nothing else.") var nats: String
    @Option(help: "The scheduler's program.") var scheduler: String
    @Option(help: "The gateway-proxy's program.") var gatewayProxy: String
    @Option(help: "Port for the gateway-proxy.") var port: UInt16
    @Option(help: "Drones.") var drones = 10_000
    @Option(help: "Live backends of each drone.") var backendsPerDrone = 100
    @Option(help: "Backends that become ready while a visitor waits for them.") var starts = 200

    private enum Budget {
        /// Beyond what the state takes in a scheduler.
        static let bytesPerRoute = 300.0
        /// Of the scheduler's.
        static let start = 1.2
        /// From so many backends on the start is that of the state, and not that of a process.
        static let largeFleet = 100_000
        /// Seconds, at the median.
        static let served = 0.005
    }

    private static let secret = "0123456789abcdef0123456789abcdef"

    func run() async throws {
        guard let cluster = ClusterName(rawValue: "bench.test"), let drone = DroneID(rawValue: "drone-that-serves") else { return }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let connection = try await NATSConnection.connect(NATSOptions(servers: [self.nats], name: "bench"), logger: logger)
        let backends = self.drones * self.backendsPerDrone
        // Whatever a process takes without any state is no route's.
        var (schedulerBytes, tierBytes): ([Int], [Int]) = ([], [])
        var (schedulerStart, tierStart) = (0.0, 0.0)
        var tier: SchedulerProcess?
        for size in [0, self.drones] {
            if let tier { await Self.end(tier) }
            _ = try await BenchState(cluster: cluster, drones: size, backendsPerDrone: self.backendsPerDrone).write(connection)
            let scheduler: SchedulerProcess
            (scheduler, schedulerStart) = try await self.startScheduler()
            schedulerBytes.append(ProcessUsage.residentBytes(of: scheduler.identifier))
            // It makes the stream of the tokens, which the proxy reads too.
            scheduler.send(SIGTERM)
            await scheduler.waitUntilEnded()
            let started: SchedulerProcess
            (started, tierStart) = try await self.startTier(cluster)
            tierBytes.append(ProcessUsage.residentBytes(of: started.identifier))
            tier = started
        }
        let each = [schedulerBytes, tierBytes].map { Double($0[1] - $0[0]) / Double(max(1, backends)) }
        let ratio = tierStart / schedulerStart
        print(
            String(
                format: "%d backends: scheduler %.2f s and %.0f B each; gateway-proxy %.2f s (%.2f) and %.0f B each, %.0f B more than the state", backends,
                schedulerStart, each[0], tierStart, ratio, each[1], each[1] - each[0]))
        let server = try AnsweringServer()
        let samples = try await self.serveNewBackends(at: server, on: drone, cluster, connection)
        print(
            "\(self.starts) backends that become ready: served \(samples.median.milliseconds) after their message, 95 % within \(samples.quantile(0.95).milliseconds)"
        )
        server.close()
        if let tier { await Self.end(tier) }
        var missed: [String] = []
        if each[1] - each[0] > Budget.bytesPerRoute { missed.append("\(Budget.bytesPerRoute) B for each route beyond the state") }
        if backends >= Budget.largeFleet, ratio > Budget.start { missed.append("start-up \(Budget.start) × the scheduler's") }
        if samples.median > Budget.served { missed.append("served 5 ms after the message") }
        for sentence in missed { print("not kept: \(sentence)") }
        if !missed.isEmpty { throw ExitCode.failure }
    }

    private static func end(_ process: SchedulerProcess) async {
        process.send(SIGTERM)
        await process.waitUntilEnded()
    }

    private func startScheduler() async throws -> (SchedulerProcess, Double) {
        let log = FileManager.default.temporaryDirectory.appending(path: "plane-bench-scheduler.log")
        let start = ContinuousClock.now
        let process = try SchedulerProcess(program: self.scheduler, nats: self.nats, log: log)
        guard await process.waitUntilReady(within: .seconds(300)) else { throw ValidationError("the scheduler does not start; see \(log.path)") }
        return (process, (ContinuousClock.now - start) / .seconds(1))
    }

    /// Until it knows the state, which it says at /ready.
    private func startTier(_ cluster: ClusterName) async throws -> (SchedulerProcess, Double) {
        let folder = FileManager.default.temporaryDirectory
        let (log, settings) = (folder.appending(path: "plane-bench-tier.log"), folder.appending(path: "plane-bench-tier.toml"))
        try """
        cluster_domain = "\(cluster)"
        [nats]
        hosts = ["\(self.nats)"]
        [proxy]
        bind_ip = "127.0.0.1"
        http_port = \(self.port)
        inner_secret = "\(Self.secret)"
        """.write(to: settings, atomically: true, encoding: .utf8)
        let start = ContinuousClock.now
        let process = try SchedulerProcess(program: self.gatewayProxy, arguments: [settings.path], nats: self.nats, log: log, name: "gateway-proxy")
        guard await process.waitUntilReady(within: .seconds(30)) else { throw ValidationError("the gateway-proxy does not start; see \(log.path)") }
        let (port, limit) = (self.port, ContinuousClock.now + .seconds(300))
        while try await onThread({ try KeptHTTP(port: port).get("/ready") }) != 200 {
            guard .now < limit else { throw ValidationError("the gateway-proxy does not read the state; see \(log.path)") }
            try await Task.sleep(for: .milliseconds(5))
        }
        return (process, (ContinuousClock.now - start) / .seconds(1))
    }

    /// One after the other: a visitor asks for a backend that starts, and is answered when it is told to be ready.
    private func serveNewBackends(
        at server: AnsweringServer, on drone: DroneID, _ cluster: ClusterName, _ connection: NATSConnection
    ) async throws -> Samples {
        func put(_ change: ClusterStateMessage) async throws {
            let message = StateMessage.cluster(cluster, change)
            _ = try await connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
        }
        var metadata = DroneMetadata(ip: .v4(0x7F00_0001), version: "bench")
        metadata.abilities = DroneAbilities(pool: .unnamed, innerPort: server.port)
        try await put(.drone(DroneMessage(drone: drone, change: .metadata(metadata))))
        let port = self.port
        var (samples, generator) = (Samples(), SystemRandomNumberGenerator())
        for _ in 0..<self.starts {
            let backend = BackendID.random(using: &generator)
            try await put(.backend(BackendMessage(backend: backend, change: .assignment(BackendAssignment(drone: drone)))))
            try await put(.backend(BackendMessage(backend: backend, change: .state(.starting, at: .now()))))
            // Messages to the proxy go in their order, so after this it knows the one before.
            try await Task.sleep(for: .milliseconds(20))
            let host = "\(backend).\(cluster)"
            async let answer = onThread { (status: try KeptHTTP(port: port).get("/", host: host), at: ContinuousClock.now) }
            try await Task.sleep(for: .milliseconds(20))
            let told = ContinuousClock.now
            let message = StateMessage.cluster(cluster, .backend(BackendMessage(backend: backend, change: .state(.ready, at: .now()))))
            try connection.publish(WireCodec.encode(message), to: message.subject)
            let (status, at) = try await answer
            guard status == 200 else { throw ValidationError("a backend that is ready was answered with \(status)") }
            samples.add(at - told)
        }
        return samples
    }
}
