package import DroneStore
package import Logging
import LogKeys
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Timing

/// Sends the reports in the outbox to the schedulers: those of one backend one after the other, those of different backends at the same time.
/// A report is sent again until a scheduler acknowledges it, however long that takes; only its own backend's later reports wait for it.
package struct OutboxDispatcher: Sendable {
    /// Requests in flight. Each is a round trip to a scheduler and its stream. If so many stay unanswered, the schedulers are at fault and
    /// not the reports.
    private static let underwayLimit = 256
    private static let answerLimit = Duration.seconds(5)

    private let store: DroneStore
    private let messenger: DroneMessenger
    private let time: AgentTime
    private let logger: Logger
    private let news: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    package init(store: DroneStore, messenger: DroneMessenger, time: AgentTime, logger: Logger) {
        self.store = store
        self.messenger = messenger
        self.time = time
        self.logger = logger
        (self.news, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Called when a report has been queued.
    package func notify() { self.ring.yield() }

    /// Called when no more reports will be queued; `run` then returns once those that wait are delivered.
    package func close() { self.ring.finish() }

    /// Sends reports until `close` was called and all are delivered, or until the task is cancelled. Call it once.
    package func run() async {
        let (events, post) = AsyncStream.makeStream(of: Event.self)
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in self.news { post.yield(.news) }
                post.yield(.closed)
            }
            post.yield(.news)  // for what an earlier agent left
            var round = OutboxRound()
            for await event in events {
                round.note(event)
                await self.send(&round, in: &group, post)
                if round.isOver || Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// Sends the oldest report of each backend that has none in flight, up to the limit.
    private func send(
        _ round: inout OutboxRound, in group: inout DiscardingTaskGroup, _ post: AsyncStream<Event>.Continuation
    ) async {
        guard round.mayHaveWork else { return }
        do throws(StoreError) {
            let reports = try await self.store.oldestReports(limit: Self.underwayLimit + round.busyCount)
            for report in round.take(reports, limit: Self.underwayLimit) {
                let failures = round.failures(of: report.backend)
                group.addTask { await self.attempt(report, failures: failures, post) }
            }
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.error("the outbox could not be read", metadata: [LogKey.error: "\(error)"])
            round.couldNotRead()
            group.addTask {
                // The sleep ends early only when the whole dispatcher is cancelled.
                try? await self.time.sleep(RetrySchedule.store.pause(after: 3))
                post.yield(.news)
            }
        }
    }

    /// Sends one report once. After a failure, reports of its backend pause; those of others do not.
    private func attempt(_ report: QueuedReport, failures: Int, _ post: AsyncStream<Event>.Continuation) async {
        let isDelivered = await self.deliver(report)
        post.yield(isDelivered ? .delivered(report.backend) : .failed(report.backend))
        guard !isDelivered else { return }
        guard (try? await self.time.sleep(RetrySchedule.peers.pause(after: failures + 1))) != nil else { return }
        post.yield(.rested(report.backend))
    }

    /// The events that make the dispatcher look for the next reports.
    enum Event: Sendable {
        case news, closed
        case delivered(String), failed(String), rested(String)
    }

    /// - Returns: Whether the report has been removed from the outbox.
    private func deliver(_ report: QueuedReport) async -> Bool {
        do {
            var message = try WireCodec.decode(UpdateBackendStateMessage.self, from: report.payload)
            // The report may have been queued under an earlier name of this drone, for which this agent cannot speak.
            message.drone = self.messenger.drone
            _ = try await self.messenger.send(message, timeout: Self.answerLimit)
        } catch let error as MessageError {
            self.logger.error(
                "a report of the outbox is unreadable and dropped",
                metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(error)"])
        } catch BusRequestError.refused(let reply) where reply.code == .badRequest {
            // The schedulers will never take this report, and later ones that they would take wait behind it.
            self.logger.error(
                "a report was refused and is dropped", metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(reply)"])
        } catch {
            self.logger.debug("report not acknowledged", metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(error)"])
            return false
        }
        return await self.remove(report)
    }

    private func remove(_ report: QueuedReport) async -> Bool {
        do throws(StoreError) {
            try await self.store.removeReport(report.id)
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            // The report will be sent again; of two equal reports schedulers use the first.
            self.logger.warning("an acknowledged report could not be removed", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }
}
