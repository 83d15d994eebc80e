import ArgumentParser
import PlaneClient
import PlaneProtocol

struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "End a backend, and run another one like it with the same lock.", usage: "plane restart [options] <backend>",
        discussion: """
            The new one has another id and another URL: whoever asks for the lock finds it. What it is run with, its drone has kept. Drones with \
            agent.exec = false do not tell that.
            """)

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Option(help: ArgumentHelp("Wait at most this long for the end, and for the new one to be ready.", valueName: "time"))
    var wait = DurationArgument(seconds: 300)

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let start = ContinuousClock.now
            let found = try await client.find(self.backend)
            guard let cluster = found.cluster else { throw PlaneError.unknownBackend(found.id, nil) }
            let requester = Requester.name(console.environment)
            var request = try await client.description(of: found.id, in: cluster, requestedBy: requester)
            request.metadata[ScheduleRequest.requestedByKey] = requester
            var generator = SystemRandomNumberGenerator()
            request.backendID = .random(using: &generator)
            if let newest = try await client.currentState(of: found.id, in: cluster), !newest.state.isTerminal {
                try await client.terminate(found.id, in: cluster, requestedBy: requester)
                _ = try await withTimeLimit(self.wait.duration, of: "waiting for the end of \(found.id)") { () async throws(PlaneError) in
                    try await client.waitUntilEnded(found.id)
                }
            }
            let backend = try await client.schedule(request)
            let endpoint = await client.publicEndpoint(of: backend.drone, in: cluster)
            var report = SpawnReport(cluster: cluster, backend: backend, endpoint: endpoint, elapsed: .now - start)
            if !backend.spawned { console.note("Somebody else has asked for the lock meanwhile: this is theirs.") }
            if !self.global.json { for line in report.placementLines { console.line(line) } }
            report.phases = try await client.readiness(of: backend.backendID, limit: self.wait.duration, since: start).run()
            report.state = .ready
            report.elapsed = .now - start
            if self.global.json { console.json(report) } else { for line in report.readyLines(console) { console.line(line) } }
        }
    }
}
