import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Tell what happened to a backend, and why it is in its state.")

    @Argument(help: ArgumentHelp("The backend.", valueName: "backend"))
    var backend: BackendID

    @Option(help: ArgumentHelp("How many of the last lines it printed to show.", valueName: "count"))
    var lines: UInt16 = 10

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            let story = try await self.story(bus)
            if self.global.json { return console.json(story) }
            for line in story.lines(now: .now(), console) { console.line(line) }
        }
    }

    private func story(_ bus: PlaneBus) async throws -> BackendStory {
        var states: [BackendStateMessage] = []
        try await BackendHistory(bus: bus, backend: self.backend).forEach(follow: false) { message, _ in
            states.append(message)
            return true
        }
        let world = try await WorldReader(bus: bus).read()
        let clusters = world.clusterNames.filter { world.backend(self.backend, in: $0) != nil }
        guard let cluster = states.last?.cluster ?? clusters.first else {
            throw CommandFailure(
                .failed, "Nothing is known of a backend \(self.backend).", advice: "plane list-backends --all shows which there are.")
        }
        var story = BackendStory(backend: self.backend, cluster: cluster, states: states)
        if let view = world.backend(self.backend, in: cluster) {
            story.drone = view.drone
            story.lock = view.lock
            story.holdsLock = view.lock.map { world.lock($0, in: cluster) == .held(by: self.backend) } ?? false
            let drone = view.drone.flatMap { world.drone($0, in: cluster) }
            story.droneState = drone?.state
            story.droneSeen = drone?.lastSeen
        }
        story.lastLines = try await BackendLog(bus: bus, backend: self.backend).last(Int(self.lines))
        return story
    }
}
