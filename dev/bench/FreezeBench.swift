import ArgumentParser
import Foundation
import PlaneProtocol

/// What freezing saves, and what it costs the first visitor afterwards.
struct FreezeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Memory of backends before and while they are frozen; the first request to each against the same request to one that is awake.")

    @Option(help: "NATS server of a running cluster.") var nats = "nats://127.0.0.1:4222"
    @Option(help: "Cluster name.") var cluster = "plane.localhost"
    @Option(help: "The drone's proxy, plain HTTP port on 127.0.0.1.") var proxyPort: UInt16 = 8080
    @Option(help: "Docker's socket, the one the drone uses.") var docker = "/var/run/docker.sock"
    @Option(help: "Image present on the engine; answers 200 to GET / on $PORT.") var image = "plane-demo"
    @Option(help: "The Docker network that the agent puts its containers into.") var network: String?
    @Option(help: "Process id of the agent.") var agentPID: Int32
    @Option(help: "Backends.") var count = 50
    @Option(help: "How often each is frozen and thawed.") var rounds = 3
    @Option(help: "Seconds for which the agent is watched while all are frozen.") var seconds = 20

    /// Long enough for a batch to be measured awake.
    private static let holdSeconds: WireSeconds = 5

    func run() async throws {
        let engine = BareEngine(socketPath: docker, image: image, network: network)
        let cluster = try await PlaneCluster.connect(nats: nats, cluster: cluster, proxyPort: proxyPort, image: image, engine: engine)
        var backends: [BackendID] = []
        var awake: [Int] = []
        while backends.count < count {
            let batch = try await concurrently(min(10, count - backends.count)) { _ in
                try await cluster.startAndWait(terms: BackendTerms(holdIdle: Self.holdSeconds)).backend
            }
            awake += try await memory(of: batch, engine)
            backends += batch
            FileHandle.standardError.write(Data("\r\(backends.count) backends".utf8))
        }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        try await waitUntilFrozen(backends, engine)
        try await Task.sleep(for: .seconds(5))  // the kernel pages out one after the other
        let frozen = try await memory(of: backends, engine)
        let before = ProcessUsage.processorTime(of: agentPID)
        try await Task.sleep(for: .seconds(seconds))
        let percent = 100 * ((ProcessUsage.processorTime(of: agentPID) - before) / .seconds(seconds))

        var (first, second) = (Samples(), Samples())
        for _ in 0..<rounds {
            try await waitUntilFrozen(backends, engine)
            for backend in backends {
                first.add(try await request(backend))
                second.add(try await request(backend))
            }
        }
        let thawed = try await memory(of: backends, engine)
        print("\n\(count) backends of \(image), frozen \(rounds) times each")
        for (name, values) in [("awake", awake), ("frozen", frozen), ("after it was thawed", thawed)] {
            print("  memory of one, \(name):", String(format: "%.1f MiB at the median", Double(values.sorted()[values.count / 2]) / 1_048_576))
        }
        print(String(format: "  processor of the agent while all are frozen: %.2f %% of a core", percent))
        for (name, samples) in [("the first request", first), ("the same request, awake", second)] {
            print("  \(name): \(samples.median.milliseconds) at the median, \(samples.quantile(0.99).milliseconds) at the 99th percentile")
        }
        try await cluster.remove(backends)
        await cluster.close()
    }

    private func request(_ backend: BackendID) async throws -> Duration {
        let (host, port) = ("\(backend.rawValue).\(cluster):\(proxyPort)", proxyPort)
        return try await onThread {
            let begin = ContinuousClock.now
            let answer = try RawHTTP.exchange(.tcp(host: "127.0.0.1", port: port), "GET", "/", host: host)
            guard answer.status == 200 else { throw BenchError("\(host) answered \(answer.status)") }
            return ContinuousClock.now - begin
        }
    }

    private func memory(of backends: [BackendID], _ engine: BareEngine) async throws -> [Int] {
        try await onThread { try backends.map { try engine.memoryBytes(of: $0.resourceName) } }
    }

    private func waitUntilFrozen(_ backends: [BackendID], _ engine: BareEngine) async throws {
        try await onThread {
            let deadline = ContinuousClock.now + .seconds(120)
            for backend in backends {
                while try !engine.isPaused(backend.resourceName) {
                    guard ContinuousClock.now < deadline else { throw BenchError("\(backend) was not frozen within two minutes") }
                    Thread.sleep(forTimeInterval: 0.1)
                }
            }
        }
    }
}
