import ArgumentParser
import PlaneMessaging
import PlaneProtocol
import PlaneService

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
        try await self.global.run { bus, console in
            var failures: [CommandFailure] = []
            for drone in self.drones {
                do {
                    let progress = self.wait ? try DrainProgress(of: drone, in: self.cluster, bus: bus, console: console) : nil
                    try await self.ask(drone, bus: bus)
                    try await self.finish(progress, limit: self.timeout.map { .seconds($0) })
                    self.tell(drone, console)
                } catch let failure as CommandFailure {
                    failures.append(failure)
                    if self.drones.count > 1 { console.fail(failure) }
                }
            }
            guard let first = failures.first else { return }
            throw self.drones.count == 1
                ? first : CommandFailure(first.status, "\(failures.count) of \(self.drones.count) drones \(self.failure).")
        }
    }

    private var failure: String { self.wait ? "are not drained" : "were not reached" }

    private func ask(_ drone: DroneID, bus: PlaneBus) async throws {
        do throws(RequestFailure) {
            _ = try await bus.request(DrainDrone(drone: drone, cluster: self.cluster, drain: !self.cancel))
        } catch {
            throw CommandFailure(error, answering: "the agent of \(drone)")
        }
    }

    private func finish(_ progress: DrainProgress?, limit: Duration?) async throws {
        guard let progress else { return }
        defer { progress.clear() }
        guard let limit else { return try await progress.run() }
        do {
            try await withDeadline(limit, of: "waiting for \(progress.drone) to be empty") { try await progress.run() }
        } catch let failure as CommandFailure where failure.status == .noAnswer {
            throw CommandFailure(
                .noAnswer, "\(progress.drone) is not empty after \(limit.brief): \(progress.remaining).",
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
