import ArgumentParser
import PlaneClient
import PlaneProtocol

struct SpawnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn", abstract: "Run an image for a session, and wait until it answers.")

    @OptionGroup var options: SpawnOptions

    @Flag(name: .customLong("no-wait"), help: "Return as soon as a drone has taken the backend.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for Ready; pulling an image takes its time.", valueName: "seconds"))
    var wait: UInt32 = 300

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// How often the live line is written anew.
    private static let refreshInterval: Duration = .milliseconds(100)

    func run() async throws {
        try await self.global.run { client, console in
            let start = ContinuousClock.now
            var report = try await self.schedule(client, console, start)
            if !self.global.json { for line in report.placementLines { console.line(line) } }
            if !self.noWait {
                let wait = client.readiness(
                    of: report.backend.backendID, limit: .seconds(self.wait), since: start,
                    notesFrom: console.isErrorTerminal ? report.backend.drone : nil)
                report.phases = try await self.show(wait, since: start, console)
                report.state = .ready
                report.elapsed = .now - start
            }
            if self.global.json {
                console.json(report)
            } else if !self.noWait {
                console.line(report.readyLine)
            }
        }
    }

    private func schedule(
        _ client: PlaneClient, _ console: Console, _ start: ContinuousClock.Instant
    ) async throws -> SpawnReport {
        var generator = SystemRandomNumberGenerator()
        let request = try self.options.request(
            backendID: .random(using: &generator), environment: console.environment)
        let backend: ScheduledBackend
        do throws(PlaneError) {
            backend = try await client.schedule(request, retry: .once)
        } catch {
            var failure = CommandFailure(error)
            if error.mayHaveTakenEffect, let id = request.backendID {
                failure.advice = "It may have been started all the same; see: plane status \(id)"
            }
            throw failure
        }
        let elapsed = ContinuousClock.now - start
        let endpoint = await client.publicEndpoint(of: backend.drone, in: self.options.cluster)
        return SpawnReport(cluster: self.options.cluster, backend: backend, endpoint: endpoint, elapsed: elapsed)
    }

    /// Shows the time go by on a live line, until it is over.
    private func show(_ wait: ReadinessWait, since start: ContinuousClock.Instant, _ console: Console) async throws -> SpawnPhases? {
        let line = ProgressLine(console: console)
        defer { line.clear() }
        return try await withThrowingTaskGroup(of: SpawnPhases?.self) { group in
            group.addTask {
                // Ends by being cancelled.
                while true {
                    line.show(wait.progress.line(elapsed: .now - start))
                    try await Task.sleep(for: Self.refreshInterval)
                }
            }
            group.addTask { try await wait.run() }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}

extension ReadinessProgress {
    /// `Starting  1.2 s  (accepted 2 ms · created 6 ms)`.
    func line(elapsed: Duration) -> String {
        let start = "\(self.state?.rawValue ?? "Scheduled")  \(elapsed.brief)"
        if self.state == nil || self.state == .loading, let note { return "\(start)  \(note)" }
        let phases = self.phases.map(\.brief) ?? ""
        return start + (phases.isEmpty ? "" : "  (\(phases))")
    }
}
