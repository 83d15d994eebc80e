import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneService

struct CleanupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "Let the shared state forget backends that ended long ago.", usage: "plane cleanup [options]",
        discussion: "Schedulers do this by themselves. A backend that is ready is never forgotten.")

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: ArgumentHelp("Only what has not changed for this long, such as 90m, 48h or 7d.", valueName: "time"))
    var olderThan = DurationArgument(seconds: 86_400)

    @Flag(help: "Forget backends of which no state is known, too.")
    var includeMissingState = false

    @Flag(help: "Say what would be forgotten, and change nothing.")
    var dryRun = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// The pause between two backends, so that the stream has time for other work.
    private static let pause: Duration = .milliseconds(5)

    /// Earlier versions took a number alone for hours here, while it is seconds everywhere else. What is forgotten is gone, so nobody's meaning is guessed.
    func validate() throws {
        guard self.olderThan.isBare, self.olderThan.seconds > 0 else { return }
        throw ValidationError("--older-than \(self.olderThan.seconds) has no unit: write \(self.olderThan.seconds)h for hours, or \(self.olderThan.seconds)s.")
    }

    func run() async throws {
        try await self.global.run { client, console in
            let plan = CleanupPlan(
                fleet: try await client.readState(), cluster: self.cluster, olderThan: self.olderThan.duration,
                includeMissingState: self.includeMissingState, now: .now())
            let progress = ProgressLine(console: console)
            for (index, item) in plan.items.enumerated() {
                if !self.dryRun {
                    progress.show("\(index + 1) of \(plan.items.count)")
                    try await client.forget(item)
                    try await Task.sleep(for: Self.pause)
                }
                progress.clear()
                self.show(item, console)
            }
            guard !self.global.json else { return }
            console.line("\(plan.items.count) backends \(self.dryRun ? "would be" : "were") forgotten.")
        }
    }

    private func show(_ item: CleanupPlan.Item, _ console: Console) {
        if self.global.json { console.json(item) } else { console.line(Self.line(item, isDry: self.dryRun, console)) }
    }

    /// On a terminal the name is cut where the line is too long; every command takes the beginning of one.
    static func line(_ item: CleanupPlan.Item, isDry: Bool, _ console: Console) -> String {
        let (start, end) = (isDry ? "would forget " : "forgot ", " (\(item.state?.rawValue ?? "no state"))")
        let name = item.backend.hostName(in: item.cluster)
        return start + (console.width.map { name.cut(to: max(9, $0 - start.count - end.count)) } ?? name) + end
    }
}
