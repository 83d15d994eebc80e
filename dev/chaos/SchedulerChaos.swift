import ArgumentParser
import Foundation
import Glibc
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Schedulers are ended and started again at random while clients ask for backends, most of them with one of a few locks.
struct SchedulerChaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "End schedulers under load: is a lock ever held twice, is a request ever not answered?")

    enum Ending: String, ExpressibleByArgument, CaseIterable {
        /// SIGKILL at any moment.
        case kill
        /// SIGTERM one after the other, as in an upgrade: then a client may have to ask twice, and never three times.
        case rolling
    }

    @Option(help: "NATS server with JetStream, used for nothing else.") var nats: String
    @Option(help: "The scheduler's program.") var scheduler: String
    @Option(help: "How schedulers are ended: kill or rolling.") var ending = Ending.kill
    @Option(help: "Schedulers running side by side.") var schedulers = 3
    @Option(help: "Clients asking at the same time.") var clients = 200
    @Option(help: "Locks they ask for.") var locks = 20
    @Option(help: "Drones.") var drones = 10
    @Option(help: "How long, in seconds.") var seconds = 60
    @Option(help: "Of all random choices; printed, so that a run can be tried again.") var seed: UInt64?
    @Option(help: "Afterwards, how long it may take until no lock is held by a backend that does not run, in seconds; 0 to skip that.")
    var settle = 120

    func run() async throws {
        let seed = self.seed ?? UInt64.random(in: 0...UInt64.max)
        print(
            "seed \(seed): \(self.schedulers) schedulers (\(self.ending.rawValue)), \(self.clients) clients, \(self.locks) locks, "
                + "\(self.drones) drones, \(self.seconds) s")
        guard let cluster = ClusterName(rawValue: "chaos.test") else { throw ValidationError("the cluster's name is not one") }
        let ledger = Ledger()
        let fleet = try FakeFleet(.init(cluster: cluster, drones: self.drones, seed: seed), bus: try await self.connect(), ledger: ledger)
        let clients = Clients(
            settings: .init(
                cluster: cluster, clients: self.clients, locks: self.locks, seed: seed, mostAttempts: self.ending == .kill ? 4 : 2),
            bus: try await self.connect(), ledger: ledger)
        var pool = try SchedulerPool(program: self.scheduler, nats: self.nats, count: self.schedulers, ledger: ledger)
        guard await pool.waitUntilReady() else { throw ValidationError("the schedulers do not start; see \(pool.folder.path)") }

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await fleet.run() }
            try await self.waitForDrones(cluster, bus: clients.bus)
            let end = ContinuousClock.now + .seconds(self.seconds)
            async let asked: Void = clients.run(until: end)
            await pool.disturb(self.ending, until: end, seed: seed)
            await asked
            if self.settle > 0 { await self.waitUntilTrue(cluster, clients: clients) }
            group.cancelAll()
        }
        self.report(ledger.totals, pool.endings)
        guard ledger.totals.violations.isEmpty else { throw ExitCode.failure }
    }

    private func connect() async throws -> PlaneBus {
        var logger = Logger(label: "chaos")
        logger.logLevel = .error
        let options = NATSOptions(servers: [self.nats], name: "chaos")
        return PlaneBus(connection: try await NATSConnection.connect(options, logger: logger), logger: logger)
    }

    /// Until a request without a lock gets a drone.
    private func waitForDrones(_ cluster: ClusterName, bus: PlaneBus) async throws {
        let request = ScheduleRequest(cluster: cluster, maxIdle: 60, executable: DockerExecutableConfig(image: "none"))
        for _ in 0..<200 {
            if case .scheduled = try? await bus.request(request, timeout: .seconds(2)) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ValidationError("no drone is ever available")
    }

    /// A scheduler that was ended between assigning a backend and asking its drone leaves a lock with a backend that nobody runs. The others
    /// must find that out by themselves.
    private func waitUntilTrue(_ cluster: ClusterName, clients: Clients) async {
        let end = ContinuousClock.now + .seconds(self.settle)
        var stuck = (0..<self.locks).map { Clients.request(in: cluster, lock: $0) }
        while !stuck.isEmpty, .now < end {
            for request in stuck {
                guard let lock = request.lock, case .scheduled(let backend)? = try? await clients.bus.request(request) else { continue }
                if clients.ledger.isLive(backend.backendID, of: lock) { stuck.removeAll { $0.lock == lock } }
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
        for lock in stuck.compactMap(\.lock) { clients.ledger.violation("lock \(lock) is held by a backend that no drone runs") }
    }

    private func report(_ totals: Ledger.Totals, _ endings: Int) {
        let attempts = totals.answeredAfter.sorted { $0.key < $1.key }.map { "\($0.value) at attempt \($0.key)" }.joined(separator: ", ")
        let troubles = totals.troubles.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("schedulers ended       \(endings)")
        print("requests               \(totals.requests): \(attempts)")
        print("answers                spawned \(totals.spawned), lock held \(totals.holders), no drone \(totals.withoutDrone)")
        print("troubles               \(troubles.isEmpty ? "none" : troubles)")
        print("backends started       \(totals.started)")
        print("longest answer         \(totals.longestAnswer / .milliseconds(1)) ms")
        print("violations             \(totals.violations.count)")
        for violation in totals.violations.prefix(20) { print("  \(violation)") }
    }
}
