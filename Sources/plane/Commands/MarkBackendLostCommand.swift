import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneState

struct MarkBackendLostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mark-backend-lost", abstract: "Write off backends whose drone will not come back; their locks become free.",
        discussion: "Schedulers write off the backends of a drone that is silent for long by themselves.")

    @Argument(help: ArgumentHelp("The cluster, such as plane.test.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The backends.", valueName: "backend"))
    var backends: [BackendID]

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let world = try await client.readState()
            var skipped = 0
            for backend in self.backends {
                guard let view = world.backend(backend, in: self.cluster) else {
                    console.note("\(self.cluster) has no backend \(backend).")
                    skipped += 1
                    continue
                }
                if let state = view.state, state.isTerminal {
                    console.note("\(backend) has ended already: \(state.rawValue).")
                    skipped += 1
                    continue
                }
                guard self.isConfirmed(view, console) else {
                    skipped += 1
                    continue
                }
                try await self.writeOff(view, client, console)
            }
            guard skipped == 0 else {
                throw CommandFailure(.failed, "\(skipped) of \(self.backends.count) backends were not written off.")
            }
        }
    }

    private func isConfirmed(_ view: BackendView, _ console: Console) -> Bool {
        guard !self.yes else { return true }
        let lock = view.lock.map { ", lock \($0.printable)" } ?? ""
        console.writeError(
            "Write off \(view.id) (\(view.state?.rawValue ?? "no state") on \(view.drone?.rawValue ?? "an unknown drone")\(lock))? [y/N] ")
        return console.readLine()?.lowercased().hasPrefix("y") ?? false
    }

    private func writeOff(_ view: BackendView, _ client: PlaneClient, _ console: Console) async throws(PlaneError) {
        // The wire wants a drone; where none is known, nobody reads it either.
        guard let drone = view.drone ?? DroneID(rawValue: "unknown") else { return }
        let message = try await client.writeOff(view.id, of: drone, in: self.cluster, message: "an operator has written it off")
        if self.global.json { return console.json(message) }
        console.line("\(view.id) is written off.")
        if let lock = view.lock { console.line("The lock \(lock.printable) is free.") }
    }
}
