import ArgumentParser
import PlaneClient
import PlaneProtocol

struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "End a backend, and run another one like it with the same lock.", usage: "plane restart [options] <backend>",
        discussion: """
            The new one has another id and another URL: whoever asks for the lock finds it. What it is run with, its drone has kept, and nobody else can \
            vouch for it but for cluster, pool, lock, key and token. So it is shown, and with mounts, a network, a shared directory or credentials for a registry it \
            wants a yes. Drones with agent.exec = false do not tell it.

            The old one is ended first, so that the lock has one holder at most. If it is seen beforehand that no drone would take the new one, as while its own \
            is drained and the others are full, the old one is left as it is. But only the end shows for sure: should the new one be refused then, neither runs.
            """)

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Option(help: ArgumentHelp("Wait at most this long for the end, and for the new one to be ready.", valueName: "time"))
    var wait = DurationArgument(seconds: 300)

    @Flag(name: .shortAndLong, help: "Do not ask, whatever the drone says that it is run with.")
    var yes = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let start = ContinuousClock.now
            let found = try await client.find(self.backend)
            guard let cluster = found.cluster else { throw PlaneError.unknownBackend(found.id, nil) }
            let requester = Requester.name(console.environment)
            let description = try await client.description(of: found.id, in: cluster, requestedBy: requester)
            try self.confirm(description, of: found.id, console)
            var request = description.request
            request.metadata[ScheduleRequest.requestedByKey] = requester
            var generator = SystemRandomNumberGenerator()
            request.backendID = .random(using: &generator)
            var hasEnded = false
            if let newest = try await client.currentState(of: found.id, in: cluster), !newest.state.isTerminal {
                if let obstacle = try await client.obstacle(to: request, afterOneEndsOn: description.drone) {
                    throw CommandError(
                        .noDrone, "\(found.id) was left as it is: \(obstacle).",
                        advice: "plane list-drones shows which there are; plane drain --cancel undoes a drain. Or end it: plane terminate \(found.id)")
                }
                hasEnded = true
                try await client.terminate(found.id, in: cluster, requestedBy: requester)
                _ = try await withTimeLimit(self.wait.duration, of: "waiting for the end of \(found.id)") { () async throws(PlaneError) in
                    try await client.waitUntilEnded(found.id)
                }
            }
            let backend: ScheduledBackend
            do throws(PlaneError) {
                backend = try await client.schedule(request)
            } catch {
                throw hasEnded ? CommandError(error, afterEndOf: found.id) : CommandError(error)
            }
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

    /// Tells by whose account the new one is started, and asks where it would get what a stranger might want: files of a machine, a network, the access of
    /// another's credentials.
    private func confirm(_ description: BackendDescription, of backend: BackendID, _ console: Console) throws(CommandError) {
        for line in description.lines(of: backend) { console.note(line) }
        guard !description.grants.isEmpty, !self.yes else { return }
        guard console.isConfirmed("Run it with that?") else {
            throw CommandError(
                .failed, "\(backend) was left as it is.", advice: "If \(backend) was given all of that: plane restart --yes \(backend)")
        }
    }
}

extension CommandError {
    /// The backend has ended, and there is none in its place.
    fileprivate init(_ error: PlaneError, afterEndOf backend: BackendID) {
        self.init(error)
        self.message = "\(backend) has ended, and no other was started. \(self.message)"
        // Where no answer came there may be one nevertheless, which asking for the lock finds.
        if error.mayHaveTakenEffect { self.message = self.message.replacing("no other was started", with: "whether another was started is not known") }
    }
}
