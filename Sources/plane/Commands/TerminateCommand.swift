import ArgumentParser
import PlaneClient
import PlaneProtocol

struct TerminateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "Stop a backend, and wait until it has stopped.")

    @Argument(help: ArgumentHelp("The cluster, such as plane.test.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The backend.", valueName: "backend"))
    var backend: BackendID

    @Flag(name: .customLong("no-wait"), help: "Return as soon as the drones have the request.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for the end.", valueName: "seconds"))
    var wait: UInt32 = 30

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            // Every agent of the cluster acknowledges the request, whether or not the backend is its own, so the
            // acknowledgement alone would be no proof of anything.
            guard let newest = try await client.newestState(of: self.backend), newest.cluster == self.cluster else {
                throw PlaneError.unknownBackend(self.backend, self.cluster)
            }
            guard !newest.state.isTerminal else { return self.report(newest, "It had ended already.", console) }
            try await client.terminate(self.backend, in: self.cluster, requestedBy: Requester.name(console.environment))
            if self.noWait { return self.report(newest, "Termination was requested.", console) }
            let last = try await withTimeLimit(.seconds(self.wait), of: "waiting for the end of \(self.backend)") { () async throws(PlaneError) in
                try await client.waitUntilEnded(self.backend)
            }
            self.report(last, "Terminated successfully", console)
        }
    }

    private func report(_ message: BackendStateMessage, _ sentence: String, _ console: Console) {
        if self.global.json { return console.json(message) }
        console.line(sentence)
        console.line(StatusLine(message).text(console))
    }
}
