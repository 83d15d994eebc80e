import ArgumentParser
import PlaneClient
import PlaneProtocol

struct TerminateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "Stop a backend, and wait until it has stopped.", usage: "plane terminate [options] [<cluster>] <backend>")

    @OptionGroup var arguments: BackendArguments

    @Flag(name: .customLong("no-wait"), help: "Return as soon as the drones have the request.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for the end.", valueName: "time"))
    var wait = DurationArgument(seconds: 30)

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            // Agents of 0.3.24 acknowledge the request whether or not the backend is theirs, so the acknowledgement alone would prove nothing.
            let (backend, cluster) = try await self.arguments.find(client)
            guard let newest = try await client.currentState(of: backend, in: cluster), newest.cluster == cluster else {
                throw PlaneError.unknownBackend(backend, cluster)
            }
            guard !newest.state.isTerminal else { return self.report(newest, "It had ended already.", console) }
            try await client.terminate(backend, in: cluster, requestedBy: Requester.name(console.environment))
            if self.noWait { return self.report(newest, "Termination was requested.", console) }
            let last = try await withTimeLimit(self.wait.duration, of: "waiting for the end of \(backend)") { () async throws(PlaneError) in
                try await client.waitUntilEnded(backend)
            }
            self.report(last, "Terminated successfully", console)
        }
    }

    private func report(_ message: BackendStateMessage, _ sentence: String, _ console: Console) {
        if self.global.json { return console.json(StateItem(message)) }
        console.line(sentence)
        console.line(BackendStatusLine(message).text(console))
    }
}
