import ArgumentParser
import PlaneClient
import PlaneProtocol
import Synchronization

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let drones take no new backends, before an upgrade for instance.")

    @Argument(help: ArgumentHelp("The cluster, such as plane.test.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The drones.", valueName: "drone"))
    var drones: [DroneID]

    @Flag(help: "Let them take backends again.")
    var cancel = false

    @Flag(help: "Wait until the last of their backends has ended, showing how many there are.")
    var wait = false

    @Option(help: ArgumentHelp("With --wait: give up after so many seconds; never if not given.", valueName: "seconds"))
    var timeout: UInt32?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func validate() throws {
        if self.cancel, self.wait { throw ValidationError("--wait waits for an empty drone, which --cancel does not want.") }
        if self.timeout != nil, !self.wait { throw ValidationError("--timeout goes with --wait.") }
    }

    func run() async throws {
        try await self.global.run { client, console in
            var failures: [CommandFailure] = []
            for drone in self.drones {
                do throws(CommandFailure) {
                    try await self.drain(drone, client, console)
                    self.tell(drone, console)
                } catch {
                    failures.append(error)
                    if self.drones.count > 1 { console.fail(error) }
                }
            }
            guard let first = failures.first else { return }
            throw self.drones.count == 1
                ? first : CommandFailure(first.status, "\(failures.count) of \(self.drones.count) drones \(self.failure).")
        }
    }

    private var failure: String { self.wait ? "are not drained" : "were not reached" }

    private func drain(_ drone: DroneID, _ client: PlaneClient, _ console: Console) async throws(CommandFailure) {
        let remaining = Mutex("it has not said how many backends it runs")
        do throws(PlaneError) {
            let progress = self.wait ? try client.drainProgress(of: drone, in: self.cluster) : nil
            try await client.drain(drone, in: self.cluster, cancel: self.cancel)
            guard let progress else { return }
            let line = ProgressLine(console: console)
            defer { line.clear() }
            // A live line on a terminal, and a line for each change elsewhere.
            let follow: @Sendable () async throws(PlaneError) -> Void = { () async throws(PlaneError) in
                for try await step in progress {
                    remaining.withLock { $0 = step.text }
                    let text = "\(drone) is draining: \(step.text)"
                    line.show(text)
                    if !console.isErrorTerminal { console.note(text) }
                }
            }
            guard let seconds = self.timeout else { return try await follow() }
            try await withTimeLimit(.seconds(seconds), of: "waiting for \(drone) to be empty", follow)
        } catch {
            guard case .timedOut(_, let limit) = error else { throw CommandFailure(error) }
            throw CommandFailure(
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
    /// What is left, in words.
    fileprivate var text: String {
        switch self.runningBackends {
        case nil: "it has not said how many backends it runs"
        case 1?: "1 backend still runs"
        case let count?: "\(count) backends still run"
        }
    }
}

/// What was achieved with one drone.
private struct DrainResult: JSONEncodable {
    var drone: DroneID
    var draining: Bool
    /// Whether it is empty; nil where nobody waited for that.
    var drained: Bool?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("draining", self.draining)
            $0.fieldIfPresent("drained", self.drained)
        }
    }
}
