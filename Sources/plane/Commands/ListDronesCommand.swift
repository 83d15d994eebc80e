import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState

struct ListDronesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-drones", abstract: "Show the machines of each cluster, their state and what they run.", usage: "plane list-drones [options]")

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let fleet = try await client.readState()
            let clusters = fleet.clusterNames.filter { self.cluster == nil || $0 == self.cluster }
                .map { DroneList(cluster: $0, drones: fleet.drones(in: $0)) }
            if self.global.json { return console.json(clusters) }
            let shown = clusters.filter { !$0.drones.isEmpty }
            if shown.isEmpty { console.note("No drone has registered\(self.cluster.map { " in \($0)" } ?? "").") }
            for list in shown { for line in list.lines(now: .now(), console) { console.line(line) } }
        }
    }
}
