import ArgumentParser
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

struct ListBackendsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-backends", abstract: "Show the backends of each cluster, and where they run.",
        discussion: """
            With --watch the list is kept up to date; where standard output is no terminal, or with --json, there is a line for each \
            change instead, those of the beginning included.
            """)

    @OptionGroup var filter: BackendFilter

    @Flag(name: .shortAndLong, help: "Go on, and show what changes.")
    var watch = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            if self.watch { return try await self.watch(bus, console) }
            let listings = self.filter.listings(of: try await WorldReader(bus: bus).read(), now: .now())
            if self.global.json { return console.json(listings) }
            self.show(listings, console)
        }
    }

    private func show(_ listings: [BackendListing], _ console: Console) {
        for listing in listings where !listing.backends.isEmpty {
            for line in listing.lines(now: .now(), console) { console.line(line) }
        }
        let hidden = listings.map(\.hiddenCount).reduce(0, +)
        if hidden > 0 { console.note("\(hidden) that have ended are not shown; --all shows them.") }
        if listings.allSatisfy(\.backends.isEmpty), hidden == 0 { console.note("No backends.") }
    }

    private func watch(_ bus: PlaneBus, _ console: Console) async throws {
        let repaints = console.usesColours && !self.global.json
        var watch = BackendWatch(filter: self.filter)
        try await WorldReader(bus: bus).follow { world, isCaughtUp in
            guard isCaughtUp else { return }
            let changes = watch.changes(in: world, now: .now())
            guard repaints else {
                for change in changes { self.global.json ? console.json(change) : console.line(change.line(console)) }
                return
            }
            guard !changes.isEmpty else { return }
            console.writeOut("\u{1b}[H\u{1b}[2J")
            self.show(self.filter.listings(of: world, now: .now()), console)
        }
    }
}
