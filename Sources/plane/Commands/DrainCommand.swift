import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneState
import Synchronization

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let drones take no new backends, before an upgrade for instance.",
        usage: "plane drain [options] [<cluster>] <drone> ...")

    @Argument(
        help: ArgumentHelp("The drones. Their cluster may stand before them, and has to where two clusters have a drone of this name.", valueName: "drone"))
    var words: [String]

    @Flag(help: "Let them take backends again.")
    var cancel = false

    @Flag(help: "Wait until the last of their backends has ended, showing how many there are.")
    var wait = false

    @Option(help: ArgumentHelp("With --wait: give up after this time, such as 30m or 2h; never if not given.", valueName: "time"))
    var timeout: DurationArgument?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func validate() throws {
        if self.cancel, self.wait { throw ValidationError("--wait waits for an empty drone, which --cancel does not want.") }
        for word in self.words where DroneID(rawValue: word) == nil && ClusterName(rawValue: word) == nil {
            throw ValidationError("\(word) is neither a drone nor a cluster.")
        }
        if self.timeout != nil, !self.wait { throw ValidationError("--timeout goes with --wait.") }
    }

    func run() async throws {
        try await self.global.run { client, console in
            var failures: [CommandError] = []
            let drones = try await self.drones(client)
            for (drone, cluster) in drones {
                do throws(CommandError) {
                    try await self.drain(drone, in: cluster, client, console)
                    self.tell(drone, console)
                } catch {
                    failures.append(error)
                    if drones.count > 1 { console.fail(error) }
                }
            }
            guard let first = failures.first else { return }
            throw drones.count == 1
                ? first : CommandError(first.status, "\(failures.count) of \(drones.count) drones \(self.failure).")
        }
    }

    /// The state is read unless the first word certainly is a cluster. A name with a dot is, since ids of drones have none.
    private func drones(_ client: PlaneClient) async throws -> [(DroneID, ClusterName)] {
        if self.words.count > 1, DroneID(rawValue: self.words[0]) == nil, let cluster = ClusterName(rawValue: self.words[0]) {
            return try self.words.dropFirst().map { (try Self.drone($0), cluster) }
        }
        let fleet = try await client.readState()
        if self.words.count > 1, let cluster = ClusterName(rawValue: self.words[0]), fleet.clusterNames.contains(cluster) {
            return try self.words.dropFirst().map { (try Self.drone($0), cluster) }
        }
        return try self.words.map { word in
            let drone = try Self.drone(word)
            let clusters = fleet.clusterNames.filter { fleet.drone(drone, in: $0) != nil }
            guard let cluster = clusters.first else {
                throw CommandError(.failed, "Nothing is known of a drone \(drone).", advice: "plane list-drones shows which there are.")
            }
            guard clusters.count == 1 else {
                throw CommandError(
                    .usage, "\(clusters.count) clusters have a drone \(drone).", advice: "Say which: plane drain \(cluster) \(drone)")
            }
            return (drone, cluster)
        }
    }

    private static func drone(_ word: String) throws(CommandError) -> DroneID {
        guard let drone = DroneID(rawValue: word) else { throw CommandError(.usage, "\(word) is no drone's name.") }
        return drone
    }

    private var failure: String { self.wait ? "are not drained" : "were not reached" }

    private func drain(_ drone: DroneID, in cluster: ClusterName, _ client: PlaneClient, _ console: Console) async throws(CommandError) {
        let remaining = Mutex("it has not said how many backends it runs")
        do throws(PlaneError) {
            let progress = self.wait ? try client.drainProgress(of: drone, in: cluster) : nil
            try await client.drain(drone, in: cluster, cancel: self.cancel)
            guard let progress else { return }
            let line = ProgressLine(console: console)
            defer { line.clear() }
            // Shows the progress in a live line on a terminal, and otherwise in a line for each change.
            let follow: @Sendable () async throws(PlaneError) -> Void = { () async throws(PlaneError) in
                for try await step in progress {
                    remaining.withLock { $0 = step.text }
                    let text = "\(drone) is draining: \(step.text)"
                    line.show(text)
                    if !console.isErrorTerminal { console.note(text) }
                }
            }
            guard let timeout = self.timeout else { return try await follow() }
            try await withTimeLimit(timeout.duration, of: "waiting for \(drone) to be empty", follow)
        } catch {
            guard case .timedOut(_, let limit) = error else { throw CommandError(error) }
            throw CommandError(
                .noAnswer, "\(drone) is not empty after \(limit.brief): \(remaining.withLock { $0 }).",
                advice: "It goes on draining; see: plane list-drones")
        }
    }

    private func tell(_ drone: DroneID, _ console: Console) {
        if self.global.json {
            console.json(DrainResult(drone: drone, draining: !self.cancel, drained: self.wait ? true : nil))
        } else if self.wait {
            console.line("\(drone) is drained: it takes no new backends and runs none.")
        } else {
            console.line(self.cancel ? "\(drone) takes backends again." : "\(drone) takes no new backends.")
        }
    }
}

extension DrainProgress.Element {
    /// The number of remaining backends, in words.
    fileprivate var text: String {
        switch self.runningBackends {
        case nil: "it has not said how many backends it runs"
        case 1?: "1 backend still runs"
        case let count?: "\(count) backends still run"
        }
    }
}

/// The result for one drone.
private struct DrainResult: JSONEncodable {
    var drone: DroneID
    var draining: Bool
    /// Whether the drone is empty; nil if the command did not wait for that.
    var drained: Bool?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("draining", self.draining)
            $0.fieldIfPresent("drained", self.drained)
        }
    }
}
