import ArgumentParser
import Foundation
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation

/// How a scheduler does as the fleet grows: the real program on real NATS, with drones that are only messages.
struct SchedulerBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "Start-up, memory, decisions and liveness of the scheduler, from ten drones to ten thousand.")

    @Option(help: "NATS server with JetStream, used for nothing else.") var nats: String
    @Option(help: "The scheduler's program.") var scheduler: String
    @Option(help: "Drones, separated by commas: a row of the table for each.") var drones = "10,100,1000,10000"
    @Option(help: "Live backends of each drone.") var backendsPerDrone = 100
    @Option(help: "Requests on their way at once.") var clients = 64
    @Option(help: "Images that each drone says it has; 0 for drones that do not say it.") var images = 32
    @Option(help: "Seconds that requests, and drones' signs of life, are measured for.") var seconds = 10

    private static let cluster = ClusterName(rawValue: "bench.test")

    func run() async throws {
        let sizes = self.drones.split(separator: ",").compactMap { Int($0) }
        guard let cluster = Self.cluster, !sizes.isEmpty else { throw ValidationError("--drones takes numbers separated by commas") }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let connection = try await NATSConnection.connect(NATSOptions(servers: [self.nats], name: "bench"), logger: logger)
        let bus = PlaneBus(connection: connection, logger: logger)
        print(
            "drones  backends  messages  start-up  messages/s  bare read/s  CPU/message  memory  B/backend  idle CPU  writes/s  requests/s  "
                + "CPU/request  decisions/s and core")
        var empty = 0
        for size in [0] + sizes {
            let row = try await self.measure(size, cluster, bus)
            if size == 0 { empty = row.memory } else { print(row.text(emptyMemory: empty)) }
        }
    }

    private func measure(_ drones: Int, _ cluster: ClusterName, _ bus: PlaneBus) async throws -> SchedulerBenchRow {
        let fleet = try BenchState(cluster: cluster, drones: drones, backendsPerDrone: self.backendsPerDrone)
        let messages = try await fleet.write(bus.connection)
        let bareRead = try await self.readBare(bus.connection.jetStream)
        let log = FileManager.default.temporaryDirectory.appending(path: "plane-bench-scheduler-\(drones).log")
        let start = ContinuousClock.now
        let process = try SchedulerProcess(program: self.scheduler, nats: self.nats, log: log)
        guard await process.waitUntilReady(within: .seconds(300)) else { throw ValidationError("the scheduler does not start; see \(log.path)") }
        let startUp = ContinuousClock.now - start
        var row = SchedulerBenchRow(
            drones: drones, backends: drones * self.backendsPerDrone, messages: messages, startUp: startUp, bareRead: bareRead,
            startUpProcessor: ProcessUsage.processorTime(of: process.identifier), memory: ProcessUsage.residentBytes(of: process.identifier))
        if drones > 0 {
            let fleet = BenchFleet(fleet: fleet, images: self.images, bus: bus)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fleet.run() }
                // All drones have spoken twice.
                try await Task.sleep(for: .seconds(9))
                try await self.measureIdle(&row, process, bus)
                try await self.measureRequests(&row, process, bus, cluster)
                group.cancelAll()
            }
        }
        process.send(SIGTERM)
        await process.waitUntilEnded()
        return row
    }

    /// What the scheduler does at its start, without understanding a word: the pace that nats-server and the library allow.
    private func readBare(_ jetStream: JetStream) async throws -> Duration {
        let start = ContinuousClock.now
        let consumer = try await jetStream.orderedConsumer(stream: "plane_state", from: .first)
        if consumer.initialPending > 0 {
            for await message in consumer where message.pending == 0 { break }
        }
        return ContinuousClock.now - start
    }

    private func measureIdle(_ row: inout SchedulerBenchRow, _ process: SchedulerProcess, _ bus: PlaneBus) async throws {
        let (cpu, sequence) = (ProcessUsage.processorTime(of: process.identifier), try await bus.connection.jetStream.streamInfo("plane_state").lastSequence)
        let start = ContinuousClock.now
        try await Task.sleep(for: .seconds(self.seconds))
        let took = (ContinuousClock.now - start) / .seconds(1)
        row.idleProcessor = (ProcessUsage.processorTime(of: process.identifier) - cpu) / .seconds(1) / took
        row.writes = Double(try await bus.connection.jetStream.streamInfo("plane_state").lastSequence - sequence) / took
    }

    private func measureRequests(
        _ row: inout SchedulerBenchRow, _ process: SchedulerProcess, _ bus: PlaneBus, _ cluster: ClusterName
    ) async throws {
        let requests = BenchFleet.names.map { ScheduleRequest(cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: $0)) }
        let cpu = ProcessUsage.processorTime(of: process.identifier)
        let start = ContinuousClock.now
        let end = start + .seconds(self.seconds)
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<self.clients {
                group.addTask {
                    var served = 0
                    while .now < end {
                        guard case .scheduled = try await bus.request(requests[(client + served * 31) % requests.count]) else {
                            throw ValidationError("a request was not served")
                        }
                        served += 1
                    }
                    return served
                }
            }
            return try await group.reduce(0, +)
        }
        let took = (ContinuousClock.now - start) / .seconds(1)
        let used = (ProcessUsage.processorTime(of: process.identifier) - cpu) / .seconds(1) - row.idleProcessor * took
        row.requests = Double(served) / took
        row.secondsPerRequest = used / Double(served)
    }
}
