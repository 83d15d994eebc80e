import ArgumentParser
import PlaneProtocol
import PlaneService
import PlaneState

struct ListBackendsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-backends", abstract: "Show the backends of each cluster, and where they run.")

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "Only backends of this drone.")
    var drone: DroneID?

    @Flag(name: .shortAndLong, help: "Show those that have ended too.")
    var all = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            let world = try await WorldReader(bus: bus).read()
            let listings = world.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.map { cluster in
                BackendListing(
                    cluster: cluster,
                    backends: world.backends(in: cluster).filter { self.drone == nil || $0.drone == self.drone },
                    showsEnded: self.all)
            }
            if self.global.json { return console.json(listings) }
            for listing in listings where !listing.backends.isEmpty {
                for line in listing.lines(now: .now(), console) { console.line(line) }
            }
            let hidden = listings.map(\.hiddenCount).reduce(0, +)
            if hidden > 0 { console.note("\(hidden) that have ended are not shown; --all shows them.") }
            if listings.allSatisfy(\.backends.isEmpty), hidden == 0 { console.note("No backends.") }
        }
    }
}
