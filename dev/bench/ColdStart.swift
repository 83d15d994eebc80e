import ArgumentParser
import Foundation
import Logging
import NATS
import PlaneProtocol

/// Schedule request → first 200 through the proxy, in every way a drone starts backends, beside create → start → first 200 by bare Engine calls.
struct ColdStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cold-start",
        abstract: "Time from asking for a backend to its first 200, against the bare Engine calls.")

    @Option(help: "NATS server of a running cluster.") var nats = "nats://127.0.0.1:4222"
    @Option(help: "Cluster name.") var cluster = "plane.localhost"
    @Option(help: "The drone's proxy, plain HTTP port on 127.0.0.1.") var proxyPort: UInt16 = 8080
    @Option(help: "Networks that the drone keeps ready; before each round they are waited for.") var sandboxes = 0
    @Option(help: "Name of that drone.") var drone = "drone-1"
    @Option(help: "Cluster of a second drone that keeps none ready.") var coldCluster: String?
    @Option(help: "The second drone's proxy.") var coldProxyPort: UInt16 = 8081
    @Option(help: "Cluster of a third drone that has containers parked.") var parkedCluster: String?
    @Option(help: "The third drone's proxy.") var parkedProxyPort: UInt16 = 8082
    @Option(help: "Name of that drone.") var parkedDrone = "drone-parked"
    @Option(help: "Containers of each image that it has parked; before each round they are waited for.") var parked = 0
    @Option(help: "Docker's socket, the one the drones use.") var docker = "/var/run/docker.sock"
    @Option(help: "The Docker network that the drones put their containers into: bare calls are measured on it, too.") var network: String?
    @Option(help: "Image present on the engine; answers 200 to GET / on $PORT.") var image = "plane-demo"
    @Option(help: "Another such image, whose program takes its time.") var slowImage: String?
    @Option(help: "Single starts of each kind, alternating.") var singles = 20
    @Option(name: .customLong("burst"), help: "Backends started at once; may be given several times.") var bursts: [Int] = [10, 50]
    @Option(help: "Bursts of each kind, alternating.") var rounds = 5

    func run() async throws {
        try await measureAll(image, sizes: [1] + bursts)
        if let slowImage { try await measureAll(slowImage, sizes: [1]) }
    }

    private func measureAll(_ image: String, sizes: [Int]) async throws {
        let engine = BareEngine(socketPath: docker, image: image)
        var ways = [Way(name: "bare engine", start: { try await bareRound($0, engine) })]
        if let network {
            // In a network of a user's own Docker runs a name server for each container.
            let own = BareEngine(socketPath: docker, image: image, network: network)
            ways.append(Way(name: "bare, own network", start: { try await bareRound($0, own) }))
        }
        var clusters: [PlaneCluster] = []
        if let coldCluster {
            let cold = try await PlaneCluster.connect(nats: nats, cluster: coldCluster, proxyPort: coldProxyPort, image: image, engine: engine)
            clusters.append(cold)
            ways.append(Way(name: "plane, cold", start: { try await planeRound($0, cold) }))
        }
        let first = try await PlaneCluster.connect(nats: nats, cluster: cluster, proxyPort: proxyPort, image: image, engine: engine)
        clusters.append(first)
        ways.append(
            Way(name: sandboxes > 0 ? "plane, sandbox" : "plane") { size in
                try await onThread { try engine.waitForSandboxes(min(size, sandboxes), of: drone) }
                return try await planeRound(size, first)
            })
        if let parkedCluster {
            let third = try await PlaneCluster.connect(nats: nats, cluster: parkedCluster, proxyPort: parkedProxyPort, image: image, engine: engine)
            clusters.append(third)
            ways.append(
                Way(name: "plane, parked") { size in
                    try await onThread { try engine.waitForParked(min(size, parked), of: parkedDrone) }
                    return try await planeRound(size, third)
                })
        }
        for size in sizes {
            let count = size == 1 ? singles : rounds
            let title = size == 1 ? "one at a time, \(count) of each" : "\(size) at once, \(count) bursts of each"
            try await measure("\(image): \(title), alternating", size, count, ways)
        }
        for cluster in clusters { await cluster.close() }
    }

    /// One kind of start.
    private struct Way: Sendable {
        var name: String
        var start: @Sendable (Int) async throws -> Round
    }

    /// What one round gave.
    private struct Round: Sendable {
        /// Asking → first 200, one for each backend.
        var each: [Duration]
        /// Asking for the first → first 200 of the last.
        var whole: Duration
        var phases: [(name: String, seconds: Double)] = []
        /// Answers other than 200 that a client saw on the way.
        var otherAnswers = 0
        /// How the agent says that it started them.
        var kinds: [String] = []
        /// What was promised of each that something was promised of, as a part of what it took.
        var promises: [Double] = []
    }

    /// One untimed warm-up of each kind, then `count` rounds of all kinds, whose order changes from round to round.
    private func measure(_ title: String, _ size: Int, _ count: Int, _ ways: [Way]) async throws {
        var outcomes = [Outcome](repeating: Outcome(), count: ways.count)
        for way in ways { _ = try await way.start(size) }
        for round in 0..<count {
            for offset in ways.indices {
                let index = (round + offset) % ways.count
                outcomes[index].add(try await ways[index].start(size))
            }
            FileHandle.standardError.write(Data("\r\(title): \(round + 1)/\(count)".utf8))
        }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        report(title, ways.map(\.name), outcomes, size: size)
    }

    /// What one kind of start gave, over all rounds.
    private struct Outcome {
        var each = Samples()
        /// One value per round.
        var all = Samples()
        /// Mean over the backends of a round.
        var mean = Samples()
        var phases: [(name: String, samples: Samples)] = []
        var otherAnswers = 0
        var kinds: [String: Int] = [:]
        var promises = Samples()

        mutating func add(_ round: Round) {
            for duration in round.each { each.add(duration) }
            all.add(round.whole)
            mean.add(round.each.reduce(.zero, +) / round.each.count)
            otherAnswers += round.otherAnswers
            for promise in round.promises { promises.add(seconds: promise) }
            for kind in round.kinds { kinds[kind, default: 0] += 1 }
            for phase in round.phases {
                if !phases.contains(where: { $0.name == phase.name }) { phases.append((phase.name, Samples())) }
                for index in phases.indices where phases[index].name == phase.name { phases[index].samples.add(seconds: phase.seconds) }
            }
        }
    }

    private func bareRound(_ size: Int, _ engine: BareEngine) async throws -> Round {
        let clock = ContinuousClock()
        let begin = clock.now
        let starts = try await concurrently(size) { index in
            try await onThread { try engine.startAndWait(index: index) }
        }
        var round = Round(each: starts.map(\.answered), whole: clock.now - begin)
        for start in starts {
            round.phases += [
                ("create", start.created / .seconds(1)), ("start", (start.started - start.created) / .seconds(1)),
                ("inspect", (start.inspected - start.started) / .seconds(1)), ("first 200", (start.answered - start.inspected) / .seconds(1)),
            ]
        }
        _ = try await concurrently(size) { index in
            try await onThread { try engine.remove(starts[index].id) }
        }
        return round
    }

    private func planeRound(_ size: Int, _ cluster: PlaneCluster) async throws -> Round {
        let clock = ContinuousClock()
        let begin = clock.now
        let starts = try await concurrently(size) { _ in try await cluster.startAndWait() }
        var round = Round(each: starts.map(\.answered), whole: clock.now - begin)
        for start in starts {
            round.otherAnswers += start.otherAnswers
            if let promised = start.promised { round.promises.append(promised / start.answered) }
            round.phases.append(("schedule reply", start.scheduled / .seconds(1)))
            round.phases += await cluster.phases(of: start.backend).map { ("agent: " + $0.0, $0.1) }
            if let kind = await cluster.kind(of: start.backend) { round.kinds.append(kind) }
        }
        try await cluster.remove(starts.map(\.backend))
        return round
    }

    private func report(_ title: String, _ names: [String], _ outcomes: [Outcome], size: Int) {
        func line(_ name: String, _ cells: [String]) {
            print(name.padding(toLength: 28, withPad: " ", startingAt: 0) + cells.map { String(repeating: " ", count: max(1, 16 - $0.count)) + $0 }.joined())
        }
        func rows(_ name: String, _ samples: (Outcome) -> Samples) {
            line(name, outcomes.map { samples($0).median.milliseconds })
            line("  of the bare engine's", outcomes.map { samples($0).ratios(to: samples(outcomes[0])).median.ratio })
        }
        print("\ncold start, image present; \(title)")
        line("", names)
        if size == 1 {
            rows("median", \.each)
            line("p90", outcomes.map { $0.each.quantile(0.9).milliseconds })
        } else {
            rows("last of the burst ready", \.all)
            rows("mean backend of the burst", \.mean)
        }
        for (name, outcome) in zip(names, outcomes) {
            let kinds = outcome.kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            print("where the time goes (\(name)\(kinds.isEmpty ? "" : ": \(kinds)"), medians; answers other than 200: \(outcome.otherAnswers)):")
            for (phase, samples) in outcome.phases { line("    " + phase, [samples.median.milliseconds]) }
            guard !outcome.promises.isEmpty else { continue }
            line("    promised ÷ real, median", [outcome.promises.median.ratio])
            line("    p10, p90", [outcome.promises.quantile(0.1).ratio, outcome.promises.quantile(0.9).ratio])
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
