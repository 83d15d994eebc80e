import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneState

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "Show what users have open to each backend: requests and WebSockets.",
        usage: "plane connections [options] [<backend>]",
        discussion: """
            Told by the drones, a second old at most. Backends with nothing open are left out. What comes through a tier of proxies is among it; with --tier those proxies are \
            shown too, and what each of them has open.
            """)

    @Argument(help: ArgumentHelp("Only this backend, by its id, the beginning of it, its host name or its URL.", valueName: "backend"))
    var backend: BackendReference?

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "Only backends of this drone.")
    var drone: DroneID?

    @Flag(help: "Also show the proxies of the tier, which takes some ten seconds: each speaks that often.")
    var tier = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let fleet = try await client.readState()
            var backend: BackendID?
            if let reference = self.backend { backend = try await client.find(reference).id }
            let answers = await client.openConnections(of: self.drones(in: fleet))
            let proxies = self.tier ? try await client.tierProxies() : []
            let clusters = Set(fleet.clusterNames).union(proxies.map(\.cluster)).filter { self.cluster == nil || $0 == self.cluster }
            let lists = clusters.sorted { $0.rawValue < $1.rawValue }.map { [backend] cluster in
                ConnectionList(
                    cluster: cluster, proxies: proxies.filter { $0.cluster == cluster },
                    items: answers.filter { $0.cluster == cluster }.flatMap { answer in
                        answer.entries.filter { backend == nil || $0.backend == backend }
                            .map { ConnectionList.Item(drone: answer.drone, entry: $0) }
                    })
            }
            if self.global.json {
                console.json(lists)
            } else {
                for list in lists where !list.isEmpty {
                    for line in list.lines(console) { console.line(line) }
                }
                if lists.allSatisfy(\.isEmpty) { console.note("Nothing is open.") }
            }
            let failures = answers.compactMap(\.failure).map { CommandError($0) }
            for failure in failures.dropLast() { console.fail(failure) }
            if let last = failures.last { throw last }
        }
    }

    /// The drones that may run backends. A lost drone cannot be asked.
    private func drones(in fleet: FleetState) -> [(drone: DroneID, cluster: ClusterName)] {
        fleet.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.flatMap { cluster in
            fleet.drones(in: cluster)
                .filter { (self.drone == nil || $0.id == self.drone) && (self.drone != nil || ($0.state != .lost && $0.state != .stopped)) }
                .map { ($0.id, cluster) }
        }
    }
}
