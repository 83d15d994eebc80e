import ArgumentParser
import PlaneMessaging
import PlaneProtocol
import PlaneService

struct SpawnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn", abstract: "Run an image for a session, and wait until it answers.")

    @OptionGroup var options: SpawnOptions

    @Flag(name: .customLong("no-wait"), help: "Return as soon as a drone has taken the backend.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for Ready; pulling an image takes its time.", valueName: "seconds"))
    var wait: UInt32 = 300

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            let start = ContinuousClock.now
            var report = try await self.schedule(bus, console, start)
            if !self.global.json { for line in report.placementLines { console.line(line) } }
            if !self.noWait {
                report.phases = try await ReadinessWait(
                    backend: report.backend.backendID, drone: report.backend.drone, bus: bus, console: console, start: start,
                    limit: .seconds(self.wait)
                ).run()
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
        _ bus: PlaneBus, _ console: Console, _ start: ContinuousClock.Instant
    ) async throws -> SpawnReport {
        var generator = SystemRandomNumberGenerator()
        let request = try self.options.request(
            backendID: .random(using: &generator), environment: console.environment)
        let answer: (reply: ScheduleReply, reason: ErrorReply?)
        do throws(RequestFailure) {
            answer = try await bus.requestWithReason(request)
        } catch {
            var failure = CommandFailure(error)
            if failure.status == .noAnswer, let id = request.backendID {
                failure.advice = "It may have been started all the same; see: plane status \(id)"
            }
            throw failure
        }
        switch answer.reply {
        case .scheduled(let backend):
            let elapsed = ContinuousClock.now - start
            let endpoint = await DroneEndpoint(bus: bus).find(of: backend.drone, in: self.options.cluster)
            return SpawnReport(cluster: self.options.cluster, backend: backend, endpoint: endpoint, elapsed: elapsed)
        case .noDroneAvailable:
            throw CommandFailure(
                .noDrone,
                "No drone of \(self.options.cluster) can take the backend"
                    + (answer.reason.map { "; the last one asked said: \($0.message.printable)." } ?? "."),
                advice: "plane list-drones shows which there are and in which state.")
        case .error(let error):
            throw CommandFailure(.failed, "\(error.message) (\(error.code))")
        }
    }
}
