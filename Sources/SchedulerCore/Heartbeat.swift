import Logging
import LogKeys
import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Writes the heartbeat to `plane_state` once a second, and at once when the connection is restored.
///
/// The heartbeat's publish time is the clock by which announcements of locks lapse for every reader. When the heartbeat comes back from the stream, this
/// process knows that its state of the fleet is current; when it does not, requests are answered `Unavailable`.
struct Heartbeat: Sendable {
    let connection: NATSConnection
    let fleet: StateStore
    let writer: StateWriter
    let streams: StreamMaintainer
    let metrics: SchedulerMetrics
    let logger: Logger

    /// Interval between heartbeats, the same in every member of a fleet.
    static let interval: Duration = .seconds(1)
    /// Time within which a heartbeat has to come back. After that the state of the fleet counts as out of date.
    private static let echoLimit: Duration = .seconds(5)

    /// Sends heartbeats until the task is cancelled.
    func run() async {
        let (ticks, tick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let events = self.connection.events
        await withDiscardingTaskGroup { group in
            group.addTask {
                repeat { tick.yield() } while (try? await Task.sleep(for: Self.interval)) != nil
            }
            group.addTask {
                for await event in events where event == .reconnected { tick.yield() }
            }
            await self.beat(at: ticks)
            group.cancelAll()
        }
    }

    private func beat(at ticks: AsyncStream<Void>) async {
        var wasCurrent = true
        for await _ in ticks {
            let reason = await self.beat()
            let isCurrent = reason == nil
            if isCurrent != wasCurrent, !Task.isCancelled {
                if let reason {
                    self.logger.error(
                        "the state of the fleet is out of date: NATS does not take or does not bring news",
                        metadata: [LogKey.error: "\(reason)"])
                } else {
                    self.logger.notice("the state of the fleet is current again")
                }
                wasCurrent = isCurrent
            }
        }
    }

    /// - Returns: why the state of the fleet is not current; nil if it is.
    private func beat() async -> String? {
        var reason: String?
        do {
            let sequence = try await self.writer.write(.heartbeat, headers: [StateMessage.versionHeader: BuildInformation.version])
            if await !self.fleet.waitUntil(sequence: sequence, within: Self.echoLimit) { reason = "what is written does not come back" }
        } catch {
            self.logger.debug("heartbeat failed", metadata: [LogKey.error: "\(error)"])
            reason = error.reason
            if error.code == .noResponders { await self.streams.restoreState() }
        }
        self.fleet.setCurrent(reason == nil, because: reason)
        self.metrics.fleet(isCurrent: reason == nil, sequence: self.fleet.ask { $0.sequence })
        return reason
    }
}
