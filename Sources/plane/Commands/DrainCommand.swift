import ArgumentParser
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

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            var failures: [CommandFailure] = []
            for drone in self.drones {
                do throws(RequestFailure) {
                    _ = try await bus.request(DrainDrone(drone: drone, cluster: self.cluster, drain: !self.cancel))
                    if self.global.json {
                        console.json(DrainResult(drone: drone, draining: !self.cancel))
                    } else {
                        console.line(self.cancel ? "\(drone) takes backends again." : "\(drone) takes no new backends.")
                    }
                } catch {
                    let failure = CommandFailure(error, answering: "the agent of \(drone)")
                    failures.append(failure)
                    if self.drones.count > 1 { console.fail(failure) }
                }
            }
            guard let first = failures.first else { return }
            throw self.drones.count == 1
                ? first : CommandFailure(first.status, "\(failures.count) of \(self.drones.count) drones were not reached.")
        }
    }
}
