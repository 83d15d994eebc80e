import ArgumentParser
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "Show what users have open to each backend: requests and WebSockets.",
        discussion: "Told by the drones, a second old at most. Backends with nothing open are left out.")

    @Argument(help: ArgumentHelp("Only this backend.", valueName: "backend"))
    var backend: BackendID?

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "Only backends of this drone.")
    var drone: DroneID?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// Drones asked at the same time.
    private static let dronesAtOnce = 16

    func run() async throws {
        try await self.global.run { bus, console in
            let world = try await WorldReader(bus: bus).read()
            let answers = await self.ask(self.drones(in: world), bus: bus)
            let listings = world.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.map { cluster in
                ConnectionListing(
                    cluster: cluster,
                    items: answers.filter { $0.drone.cluster == cluster }.flatMap { answer in
                        answer.entries.filter { self.backend == nil || $0.backend == self.backend }
                            .map { ConnectionListing.Item(drone: answer.drone.id, entry: $0) }
                    })
            }
            if self.global.json {
                console.json(listings)
            } else {
                for listing in listings where !listing.items.isEmpty {
                    for line in listing.lines(console) { console.line(line) }
                }
                if listings.allSatisfy(\.items.isEmpty) { console.note("Nothing is open.") }
            }
            let failures = answers.compactMap(\.failure)
            for failure in failures.dropLast() { console.fail(failure) }
            if let last = failures.last { throw last }
        }
    }

    private struct Drone: Sendable {
        var cluster: ClusterName
        var id: DroneID
    }

    private struct Answer: Sendable {
        var drone: Drone
        var entries: [OpenConnections.Entry] = []
        var failure: CommandFailure?
    }

    /// Those that may run something: a lost one cannot be asked.
    private func drones(in world: WorldState) -> [Drone] {
        world.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.flatMap { cluster in
            world.drones(in: cluster)
                .filter { (self.drone == nil || $0.id == self.drone) && (self.drone != nil || ($0.state != .lost && $0.state != .stopped)) }
                .map { Drone(cluster: cluster, id: $0.id) }
        }
    }

    private func ask(_ drones: [Drone], bus: PlaneBus) async -> [Answer] {
        await withTaskGroup(of: Answer.self) { group in
            var answers: [Answer] = []
            for (index, drone) in drones.enumerated() {
                if index >= Self.dronesAtOnce, let answer = await group.next() { answers.append(answer) }
                group.addTask { await self.ask(drone, bus: bus) }
            }
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.drone.id.rawValue < $1.drone.id.rawValue }
        }
    }

    private func ask(_ drone: Drone, bus: PlaneBus) async -> Answer {
        var answer = Answer(drone: drone)
        do throws(RequestFailure) {
            while true {
                let request = OpenConnectionsRequest(cluster: drone.cluster, drone: drone.id, after: answer.entries.last?.backend)
                let part = try await bus.request(request)
                answer.entries += part.backends
                if part.isComplete || part.backends.isEmpty { return answer }
            }
        } catch {
            answer.failure = CommandFailure(error, answering: "the agent of \(drone.id)")
            return answer
        }
    }
}
