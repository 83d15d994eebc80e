import ArgumentParser
import Foundation
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation

/// What it costs to take ended backends out of the state of the fleet: the real scheduler on real NATS, in minutes with cleaning and without.
struct CleaningBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleaning",
        abstract: "What cleaning the state costs NATS and scheduling, in a fleet whose backends end all day.")

    @Option(help: "NATS server with JetStream, used for nothing else.") var nats: String
    @Option(help: "Its process.") var natsProcess: Int32
    @Option(help: "The scheduler's program.") var scheduler: String
    @Option(help: "Live backends, of four messages each.") var backends = 75_000
    @Option(help: "Backends that are outdated in each second of cleaning.") var endsPerSecond = 20
    @Option(help: "Requests on their way at once.") var clients = 64
    @Option(help: "Seconds of each measurement.") var seconds = 15
    @Option(help: "Times that quiet and cleaning are measured, in turns.") var rounds = 2

    private static let cluster = ClusterName(rawValue: "bench.test")
    private static let backendsPerDrone = 100
    /// Ended backends stay for so long; those that are written have ended nearly so long ago.
    private static let retention: Int64 = 3600
    /// States that a backend passes, each a message, with the assignment.
    private static let life: [BackendState] = [.loading, .starting, .ready, .terminated]
    /// Until a change of what there is to do is felt: the scan takes some seconds to come round.
    private static let settling: Duration = .seconds(6)

    /// Seconds for which requests are made, of each measurement.
    private var askingSeconds: Int { max(1, self.seconds / 3) }

    private struct Sums {
        var seconds = 0.0
        var processor = 0.0
        var removed = 0.0
        var requestSeconds = 0.0
        var requests = 0
    }

    func run() async throws {
        guard let cluster = Self.cluster, self.rounds > 0, self.endsPerSecond > 0 else {
            throw ValidationError("--rounds and --ends-per-second are more than 0")
        }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let bus = PlaneBus(
            connection: try await NATSConnection.connect(NATSOptions(servers: [self.nats], name: "bench"), logger: logger), logger: logger)
        let fleet = try BenchState(cluster: cluster, drones: self.backends / Self.backendsPerDrone, backendsPerDrone: Self.backendsPerDrone)
        let messages = try await fleet.write(bus.connection)
        let log = FileManager.default.temporaryDirectory.appending(path: "plane-bench-cleaning.log")
        let process = try SchedulerProcess(
            program: self.scheduler, nats: self.nats, log: log, environment: ["PLANE_SCHEDULER__ENDED_RETENTION_SECS": "\(Self.retention)"])
        guard await process.waitUntilReady(within: .seconds(120)) else { throw ValidationError("the scheduler does not start; see \(log.path)") }
        print("\(messages) messages in plane_state, \(self.endsPerSecond) backends outdated in each second of cleaning")
        var (quiet, cleaning) = (Sums(), Sums())
        let drones = BenchFleet(fleet: fleet, bus: bus)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await drones.run() }
            try await Task.sleep(for: .seconds(9))  // all drones have spoken twice
            for round in 0..<self.rounds {
                // Requests make the stream grow, so each of the two comes first once.
                if round.isMultiple(of: 2) { try await self.measure(&quiet, cluster, bus) }
                try await self.outdate(fleet, bus)
                try await Task.sleep(for: Self.settling)
                try await self.measure(&cleaning, cluster, bus)
                // What is left over is done by the end of this.
                try await Task.sleep(for: Self.settling)
                if !round.isMultiple(of: 2) { try await self.measure(&quiet, cluster, bus) }
            }
            group.cancelAll()
        }
        process.send(SIGTERM)
        await process.waitUntilEnded()
        self.tell(quiet, cleaning)
    }

    /// Writes backends that ended so long ago that as many of them are outdated in each coming second.
    private func outdate(_ fleet: BenchState, _ bus: PlaneBus) async throws {
        let lasts = self.seconds + self.askingSeconds + Int(Self.settling / .seconds(1)) + 2
        let begin = StateTime.now().rawValue - Self.retention * 1000
        for index in 0..<lasts * self.endsPerSecond {
            let drone = fleet.drones[index % fleet.drones.count]
            let end = StateTime(milliseconds: begin + Int64(index * 1000 / self.endsPerSecond))
            var generator = SystemRandomNumberGenerator()
            let backend = BackendID.random(using: &generator)
            let changes = [BackendMessage.Change.assignment(BackendAssignment(drone: drone))] + Self.life.map { .state($0, at: end) }
            for change in changes {
                let message = StateMessage.cluster(fleet.cluster, .backend(BackendMessage(backend: backend, change: change)))
                try bus.connection.publish(WireCodec.encode(message), to: message.subject)
            }
            if index % 100 == 0 { try await bus.connection.flush(timeout: .seconds(30)) }
        }
        try await bus.connection.flush(timeout: .seconds(30))
    }

    /// First while nobody asks for anything, then while everybody does.
    private func measure(_ sums: inout Sums, _ cluster: ClusterName, _ bus: PlaneBus) async throws {
        let stream = try await bus.connection.jetStream.streamInfo("plane_state").messages
        let processor = ProcessUsage.processorTime(of: self.natsProcess)
        var start = ContinuousClock.now
        try await Task.sleep(for: .seconds(self.seconds))
        sums.seconds += (ContinuousClock.now - start) / .seconds(1)
        sums.processor += (ProcessUsage.processorTime(of: self.natsProcess) - processor) / .seconds(1)
        let left = try await bus.connection.jetStream.streamInfo("plane_state").messages
        sums.removed += (Double(stream) - Double(left)) / Double(Self.life.count + 1)
        start = .now
        sums.requests += try await self.ask(until: start + .seconds(self.askingSeconds), cluster, bus)
        sums.requestSeconds += (ContinuousClock.now - start) / .seconds(1)
    }

    private func ask(until end: ContinuousClock.Instant, _ cluster: ClusterName, _ bus: PlaneBus) async throws -> Int {
        let request = ScheduleRequest(cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: "none"))
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<self.clients {
                group.addTask {
                    var served = 0
                    while .now < end {
                        guard case .scheduled = try await bus.request(request) else { throw ValidationError("a request was not served") }
                        served += 1
                    }
                    return served
                }
            }
            return try await group.reduce(0, +)
        }
    }

    private func tell(_ quiet: Sums, _ cleaning: Sums) {
        func share(_ sums: Sums) -> Double { sums.processor / sums.seconds }
        func rate(_ sums: Sums) -> Double { Double(sums.requests) / sums.requestSeconds }
        print("          removed/s  NATS while nobody asks  requests/s")
        for (name, sums) in [("quiet", quiet), ("cleaning", cleaning)] {
            // %s takes no Swift string.
            let padded = name.padding(toLength: 8, withPad: " ", startingAt: 0)
            print(padded + String(format: "  %9.1f  %20.1f %%  %10.0f", sums.removed / sums.seconds, share(sums) * 100, rate(sums)))
        }
        let (cost, removed) = (share(cleaning) - share(quiet), cleaning.removed / cleaning.seconds)
        print(
            String(
                format: "cleaning costs NATS %.1f %% of a core, %.2f ms for each backend; scheduling is %.1f %% slower", cost * 100,
                removed > 0 ? cost / removed * 1000 : 0, (1 - rate(cleaning) / rate(quiet)) * 100))
    }
}
