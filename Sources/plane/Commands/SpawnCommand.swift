import ArgumentParser
import PlaneClient
import PlaneProtocol

struct SpawnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn", abstract: "Run an image for a session, and wait until it answers.", usage: "plane spawn [options] <cluster> <image>")

    @OptionGroup var options: SpawnOptions

    @Flag(name: .customLong("no-wait"), help: "Return as soon as a drone has taken the backend.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for Ready; pulling an image takes its time.", valueName: "time"))
    var wait = DurationArgument(seconds: 300)

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// How often the live line is rewritten.
    private static let refreshInterval: Duration = .milliseconds(100)

    func run() async throws {
        try await self.global.run(unconnected: self.tell) { client, console in
            let start = ContinuousClock.now
            var report: SpawnReport
            var generator = SystemRandomNumberGenerator()
            let request = try self.options.request(backendID: .random(using: &generator), environment: console.environment)
            do {
                report = try await self.schedule(request, client, start)
            } catch {
                throw self.told(error, of: request.backendID, nil, console)
            }
            if !self.global.json { for line in report.placementLines { console.line(line) } }
            if !self.noWait {
                let wait = client.readiness(
                    of: report.backend.backendID, limit: self.wait.duration, since: start,
                    notesFrom: console.isErrorTerminal ? report.backend.drone : nil)
                do {
                    report.phases = try await self.show(wait, since: start, console)
                } catch {
                    throw self.told(error, of: report.backend.backendID, report.backend.drone, console)
                }
                report.state = .ready
                report.elapsed = .now - start
            }
            if self.global.json {
                console.json(report)
            } else if !self.noWait {
                for line in report.readyLines(console) { console.line(line) }
            }
        }
    }

    private func tell(_ failure: CommandError, _ console: Console) {
        guard self.global.json else { return }
        console.json(SpawnFailure(cluster: self.options.cluster, backend: self.options.backendID, failure: failure))
    }

    /// Programs read what happened from standard output, whatever it was; people from standard error.
    private func told(_ error: any Error, of backend: BackendID?, _ drone: DroneID?, _ console: Console) -> any Error {
        guard self.global.json else { return error }
        let failure = (error as? CommandError) ?? (error as? PlaneError).map { CommandError($0) }
        guard let failure else { return error }
        var report = SpawnFailure(cluster: self.options.cluster, backend: backend, drone: drone, failure: failure)
        if case .endedBeforeReady(let message)? = error as? PlaneError {
            report.state = message.state
            report.detail = message.detail
        }
        console.json(report)
        return error
    }

    private func schedule(
        _ request: ScheduleRequest, _ client: PlaneClient, _ start: ContinuousClock.Instant
    ) async throws -> SpawnReport {
        let backend: ScheduledBackend
        do throws(PlaneError) {
            backend = try await client.schedule(request, retry: .once)
        } catch {
            var failure = CommandError(error)
            if error.mayHaveTakenEffect, let id = request.backendID {
                failure.advice = "It may have been started all the same; see: plane status \(id)"
            }
            throw failure
        }
        let elapsed = ContinuousClock.now - start
        let endpoint = await client.publicEndpoint(of: backend.drone, in: self.options.cluster)
        return SpawnReport(cluster: self.options.cluster, backend: backend, endpoint: endpoint, elapsed: elapsed)
    }

    /// Shows the progress on a live line until the wait is over.
    private func show(_ wait: ReadinessWait, since start: ContinuousClock.Instant, _ console: Console) async throws -> SpawnPhases? {
        let line = ProgressLine(console: console)
        defer { line.clear() }
        return try await withThrowingTaskGroup(of: SpawnPhases?.self) { group in
            group.addTask {
                // The loop is cancelled when the wait is over.
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
    /// The progress as text, such as `Starting  1.2 s  (accepted 2 ms · created 6 ms)`.
    func line(elapsed: Duration) -> String {
        let start = "\(self.state?.rawValue ?? "Scheduled")  \(elapsed.brief)"
        if self.state == nil || self.state == .loading, let note { return "\(start)  \(note)" }
        let phases = self.phases.map(\.brief) ?? ""
        return start + (phases.isEmpty ? "" : "  (\(phases))")
    }
}
