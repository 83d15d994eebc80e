import Logging
import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Writes the heartbeat once a second, by which announcements of locks lapse for every reader of the stream; and sees whether it comes
/// back, which shows that this process still follows the world.
struct Heartbeat: Sendable {
    let world: LiveWorld
    let writer: WorldWriter
    let streams: StreamKeeper
    let metrics: SchedulerMetrics
    let logger: Logger

    /// The same in every member of a fleet.
    static let interval: Duration = .seconds(1)
    /// A follower that is behind by more is behind.
    private static let echoLimit: Duration = .seconds(5)

    /// Ends when the task is cancelled.
    func run() async {
        var wasCurrent = true
        while !Task.isCancelled {
            let isCurrent = await self.beat()
            if isCurrent != wasCurrent, !Task.isCancelled {
                if isCurrent {
                    self.logger.notice("the state of the world is current again")
                } else {
                    self.logger.error("the state of the world is out of date: NATS does not take or does not bring news")
                }
                wasCurrent = isCurrent
            }
            // Cancelled meanwhile, the loop ends.
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func beat() async -> Bool {
        var isCurrent = false
        do {
            let sequence = try await self.writer.write(.heartbeat)
            isCurrent = await self.world.waitUntil(sequence: sequence, within: Self.echoLimit)
        } catch {
            self.logger.debug("heartbeat failed", metadata: [LogKey.error: "\(error)"])
            if error.code == .noResponders { await self.streams.restoreWorld() }
        }
        self.world.setCurrent(isCurrent)
        self.metrics.world(isCurrent: isCurrent, sequence: self.world.ask { $0.sequence })
        return isCurrent
    }
}
