import ArgumentParser
import Foundation
import Logging
import NATS
import PlaneProtocol

/// Schedule request → first 200 through the proxy, beside create → start → first 200 by bare Engine calls.
struct ColdStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cold-start",
        abstract: "Time from asking for a backend to its first 200, against the bare Engine calls.")

    @Option(help: "NATS server of a running cluster.") var nats = "nats://127.0.0.1:4222"
    @Option(help: "Cluster name.") var cluster = "plane.localhost"
    @Option(help: "The drone's proxy, plain HTTP port on 127.0.0.1.") var proxyPort: UInt16 = 8080
    @Option(help: "Docker's socket, the one the drone uses.") var docker = "/var/run/docker.sock"
    @Option(help: "Image present on the engine; answers 200 to GET / on $PORT.") var image = "plane-demo"
    @Option(help: "Single starts of each kind, alternating.") var singles = 20
    @Option(help: "Backends started at once.") var burst = 50
    @Option(help: "Bursts of each kind, alternating.") var rounds = 5

    func run() async throws {
        let engine = BareEngine(socketPath: docker, image: image)
        let cluster = try await PlaneCluster.connect(
            nats: nats, cluster: cluster, proxyPort: proxyPort, image: image, engine: engine)
        try await measure(
            title: "one at a time, \(singles) of each, alternating", size: 1, rounds: singles, engine, cluster)
        try await measure(
            title: "\(burst) at once, \(rounds) bursts of each, alternating", size: burst, rounds: rounds, engine, cluster)
        await cluster.close()
    }

    /// One untimed warm-up of each kind, then `rounds` pairs, whose order changes from pair to pair.
    private func measure(
        title: String, size: Int, rounds: Int, _ engine: BareEngine, _ cluster: PlaneCluster
    ) async throws {
        var bare = Outcome()
        var plane = Outcome()
        var discarded = Outcome()
        try await bareRound(size, engine, into: &discarded)
        try await planeRound(size, cluster, into: &discarded)
        for round in 0..<rounds {
            if round.isMultiple(of: 2) { try await bareRound(size, engine, into: &bare) }
            try await planeRound(size, cluster, into: &plane)
            if !round.isMultiple(of: 2) { try await bareRound(size, engine, into: &bare) }
            FileHandle.standardError.write(Data("\r\(title): \(round + 1)/\(rounds)".utf8))
        }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        report(title, bare, plane, size: size)
    }

    /// What one kind of start gave, over all rounds.
    private struct Outcome {
        /// Asking → first 200, one value per backend.
        var each = Samples()
        /// Asking for the first → first 200 of the last, one value per round.
        var all = Samples()
        /// Mean over the backends of a round.
        var mean = Samples()
        var phases: [(name: String, samples: Samples)] = []
        /// Answers other than 200 that a client saw on the way.
        var otherAnswers = 0

        mutating func add(round durations: [Duration], whole: Duration) {
            for duration in durations { each.add(duration) }
            all.add(whole)
            mean.add(durations.reduce(.zero, +) / durations.count)
        }

        mutating func add(phase name: String, _ seconds: Double) {
            if let index = phases.firstIndex(where: { $0.name == name }) {
                phases[index].samples.add(seconds: seconds)
            } else {
                var samples = Samples()
                samples.add(seconds: seconds)
                phases.append((name, samples))
            }
        }
    }

    private func bareRound(_ size: Int, _ engine: BareEngine, into outcome: inout Outcome) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let starts = try await concurrently(size) { index in
            try await onThread { try engine.startAndWait(index: index) }
        }
        let whole = clock.now - begin
        outcome.add(round: starts.map(\.answered), whole: whole)
        for start in starts {
            outcome.add(phase: "create", start.created / .seconds(1))
            outcome.add(phase: "start", (start.started - start.created) / .seconds(1))
            outcome.add(phase: "inspect", (start.inspected - start.started) / .seconds(1))
            outcome.add(phase: "first 200", (start.answered - start.inspected) / .seconds(1))
        }
        _ = try await concurrently(size) { index in
            try await onThread { try engine.remove(starts[index].id) }
        }
    }

    private func planeRound(_ size: Int, _ cluster: PlaneCluster, into outcome: inout Outcome) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let starts = try await concurrently(size) { _ in try await cluster.startAndWait() }
        let whole = clock.now - begin
        outcome.add(round: starts.map(\.answered), whole: whole)
        for start in starts {
            outcome.otherAnswers += start.otherAnswers
            outcome.add(phase: "schedule reply", start.scheduled / .seconds(1))
            for (name, seconds) in await cluster.phases(of: start.backend) { outcome.add(phase: "  agent: " + name, seconds) }
        }
        try await cluster.remove(starts.map(\.backend))
    }

    private func report(_ title: String, _ bare: Outcome, _ plane: Outcome, size: Int) {
        print("\ncold start, image present: \(title)")
        print("                                bare engine         plane   plane/bare")
        func row(_ name: String, _ bare: Samples, _ plane: Samples) {
            print(
                name.padding(toLength: 28, withPad: " ", startingAt: 0), bare.median.milliseconds, " ",
                plane.median.milliseconds, "  ", plane.ratios(to: bare).median.ratio)
        }
        if size == 1 {
            row("median", bare.each, plane.each)
            print(
                "p90".padding(toLength: 28, withPad: " ", startingAt: 0), bare.each.quantile(0.9).milliseconds, " ",
                plane.each.quantile(0.9).milliseconds)
        } else {
            row("last of the burst ready", bare.all, plane.all)
            row("mean backend of the burst", bare.mean, plane.mean)
        }
        print("answers other than 200 seen by a client of the proxy: \(plane.otherAnswers)")
        for (kind, outcome) in [("bare engine", bare), ("plane", plane)] {
            print("where the time goes (\(kind), medians):")
            for (name, samples) in outcome.phases {
                print("   ", name.padding(toLength: 24, withPad: " ", startingAt: 0), samples.median.milliseconds)
            }
        }
    }
}

/// Runs `work` `count` times at once; results in order of index.
func concurrently<Result: Sendable>(
    _ count: Int, _ work: @escaping @Sendable (Int) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        for index in 0..<count { group.addTask { (index, try await work(index)) } }
        var results = [Result?](repeating: nil, count: count)
        for try await (index, result) in group { results[index] = result }
        return results.compactMap(\.self)
    }
}
