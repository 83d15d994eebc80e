import ArgumentParser
import DroneStore
import Foundation
import PlaneProtocol

/// What the agent costs while nothing happens, and how fast it makes and takes away backends beside bare Engine calls.
struct AgentCost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Processor, memory and disk writes of an idle agent; spawning and ending many against the bare Engine calls.")

    @Option(help: "NATS server of a running cluster.") var nats = "nats://127.0.0.1:4222"
    @Option(help: "Cluster name.") var cluster = "plane.localhost"
    @Option(help: "The drone's proxy, plain HTTP port on 127.0.0.1.") var proxyPort: UInt16 = 8080
    @Option(help: "Docker's socket, the one the drone uses.") var docker = "/var/run/docker.sock"
    @Option(help: "Image present on the engine; answers 200 to GET / on $PORT.") var image = "plane-demo"
    @Option(help: "The Docker network that the agent puts its containers into.") var network: String?
    @Option(help: "Process id of the agent.") var agentPID: Int32
    @Option(help: "The drone's table.") var database: String
    @Option(parsing: .upToNextOption, help: "How many idle backends to measure with, ascending.") var counts = [0, 50, 200]
    @Option(help: "Seconds each is measured for.") var seconds = 30
    @Option(help: "Backends made and ended at once.") var burst = 50
    @Option(help: "Bursts of each kind, alternating.") var rounds = 3

    func run() async throws {
        let engine = BareEngine(socketPath: docker, image: image, network: network)
        let cluster = try await PlaneCluster.connect(
            nats: nats, cluster: cluster, proxyPort: proxyPort, image: image, engine: engine)
        let store = try await DroneStore.open(path: database)
        try await measureIdle(cluster, store)
        try await measureThroughput(cluster, engine)
        await cluster.close()
    }

    // MARK: Idle

    private func measureIdle(_ cluster: PlaneCluster, _ store: DroneStore) async throws {
        print("\nagent, idle, \(seconds) s each")
        print("  backends   CPU, % of a core   resident, MiB   SQLite commits/s   open files")
        var running: [BackendID] = []
        for count in counts {
            while running.count < count {
                let batch = min(10, count - running.count)
                running += try await concurrently(batch) { _ in try await cluster.startAndWait().backend }
                FileHandle.standardError.write(Data("\r\(running.count) backends".utf8))
            }
            FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
            try await Task.sleep(for: .seconds(12))  // the proxy notes the last activity, and two rounds of statistics pass
            let before = try ProcessCost.read(agentPID)
            let commits = try await countCommits(store)
            let after = try ProcessCost.read(agentPID)
            let percent = 100 * (after.cpuSeconds - before.cpuSeconds) / Double(seconds)
            print(
                String(
                    format: "%10d %18.2f %15.1f %18.2f %12d", count, percent, Double(after.residentBytes) / 1_048_576,
                    Double(commits) / Double(seconds), after.openFiles))
        }
        try await cluster.remove(running)
    }

    /// Commits to the table by anybody, told by SQLite's data version, looked at every 2 ms.
    private func countCommits(_ store: DroneStore) async throws -> Int {
        let (seconds, clock) = (self.seconds, ContinuousClock())
        return try await onThread {
            let end = clock.now + .seconds(seconds)
            var (last, commits) = (try store.dataVersion(), 0)
            while clock.now < end {
                Thread.sleep(forTimeInterval: 0.002)
                let version = try store.dataVersion()
                if version != last { commits += 1 }
                last = version
            }
            return commits
        }
    }

    // MARK: Throughput

    private func measureThroughput(_ cluster: PlaneCluster, _ engine: BareEngine) async throws {
        var (bareUp, bareDown, planeUp, planeDown) = (Samples(), Samples(), Samples(), Samples())
        let clock = ContinuousClock()
        for _ in 0..<rounds {
            var begin = clock.now
            let bare = try await concurrently(burst) { index in try await onThread { try engine.startAndWait(index: index) } }
            bareUp.add(clock.now - begin)
            begin = clock.now
            _ = try await concurrently(burst) { index in try await onThread { try engine.stopAndRemove(bare[index].id) } }
            bareDown.add(clock.now - begin)
            begin = clock.now
            let plane = try await concurrently(burst) { _ in try await cluster.startAndWait() }
            planeUp.add(clock.now - begin)
            begin = clock.now
            try await cluster.remove(plane.map(\.backend))
            planeDown.add(clock.now - begin)
        }
        print("\n\(burst) at once, \(rounds) bursts of each, alternating")
        print("                                bare engine         plane   plane/bare")
        for (name, bare, plane) in [("asked for → first 200 of the last", bareUp, planeUp), ("told to end → all are removed", bareDown, planeDown)] {
            print(
                name.padding(toLength: 34, withPad: " ", startingAt: 0), bare.median.milliseconds, plane.median.milliseconds,
                plane.ratios(to: bare).median.ratio)
        }
    }
}

/// What the kernel says a process has cost so far (proc(5)).
struct ProcessCost {
    var cpuSeconds: Double
    var residentBytes: Int
    var openFiles: Int

    static func read(_ pid: Int32) throws -> ProcessCost {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The second field is the program's name in parentheses, which may hold anything.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 22, let user = Double(fields[12]), let system = Double(fields[13]), let pages = Int(fields[22]) else {
            throw BenchError("/proc/\(pid)/stat cannot be read: \(stat)")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
        return ProcessCost(cpuSeconds: (user + system) / 100, residentBytes: pages * 4096, openFiles: files)
    }
}
