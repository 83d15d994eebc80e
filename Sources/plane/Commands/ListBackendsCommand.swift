import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization

struct ListBackendsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list-backends", abstract: "Show the backends of each cluster, and where they run.", usage: "plane list-backends [options]",
        discussion: """
            With --watch the list is kept up to date; where standard output is no terminal, or with --json, there is a line for each \
            change instead, those of the beginning included.
            """)

    @OptionGroup var filter: BackendFilterOptions

    @Flag(name: .shortAndLong, help: "Go on, and show what changes.")
    var watch = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            if self.watch { return try await self.watch(client, console) }
            let lists = self.filter.selection.lists(of: try await client.readState(), now: .now())
            if self.global.json { return console.json(lists) }
            Self.show(lists, console)
        }
    }

    private static func show(_ lists: [BackendList], _ console: Console) {
        for list in lists where !list.backends.isEmpty {
            for line in list.lines(now: .now(), console) { console.line(line) }
        }
        let hidden = lists.map(\.hiddenCount).reduce(0, +)
        if hidden > 0 { console.note("\(hidden) that have ended are not shown; --all shows them.") }
        if lists.allSatisfy(\.backends.isEmpty), hidden == 0 { console.note("No backends.") }
    }

    /// Writes each change or, on a terminal, the whole list again.
    private func watch(_ client: PlaneClient, _ console: Console) async throws(PlaneError) {
        let (json, repaints, selection) = (self.global.json, console.usesColours && !self.global.json, self.filter.selection)
        let watch = Mutex(BackendWatch(selection))
        let mirror = StateMirror { fleet in
            let changes = watch.withLock { $0.changes(in: fleet, now: .now()) }
            guard repaints else {
                for change in changes {
                    let item = BackendItem(cluster: change.cluster, backend: change.backend)
                    if json { console.json(item) } else { console.line(item.line(console)) }
                }
                return
            }
            guard !changes.isEmpty else { return }
            console.writeOut("\u{1b}[H\u{1b}[2J")
            Self.show(selection.lists(of: fleet, now: .now()), console)
        }
        try await client.followState(into: mirror)
    }
}
