package import DroneStore
package import Logging
import PlaneProtocol
package import PlaneService

/// Brings the reports of the outbox to the schedulers: those of one backend in order, those of many side by side, each until it is
/// acknowledged, for ever. No backend waits for it.
package struct OutboxCourier: Sendable {
    /// Requests in flight. Each is a round trip to a scheduler and its stream.
    private static let batchLimit = 64
    private static let answerLimit = Duration.seconds(5)

    private let store: DroneStore
    private let bus: PlaneBus
    private let logger: Logger
    private let news: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    package init(store: DroneStore, bus: PlaneBus, logger: Logger) {
        self.store = store
        self.bus = bus
        self.logger = logger
        (self.news, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// A report has been queued.
    package func notify() { self.ring.yield() }

    /// No more reports will be queued; `run` returns when those that wait are delivered.
    package func close() { self.ring.finish() }

    /// Returns after `close`, or when the task is cancelled. Call it once.
    package func run() async {
        self.notify()  // for what an earlier agent left
        for await _ in self.news { await self.deliverAll() }
        await self.deliverAll()
    }

    /// Delivers until nothing waits any more, or the task is cancelled.
    private func deliverAll() async {
        var failures = 0
        while !Task.isCancelled {
            switch await self.deliverBatch() {
            case .nothingWaits: return
            case .delivered: failures = 0
            case .failed:
                failures += 1
                guard (try? await Task.sleep(for: RetrySchedule.peers.pause(after: failures))) != nil else { return }
            }
        }
    }

    private enum BatchEnd { case nothingWaits, delivered, failed }

    /// The oldest report of each backend. One that fails holds back only its own backend, until the next batch.
    private func deliverBatch() async -> BatchEnd {
        do throws(StoreError) {
            let reports = try await self.store.oldestReports(limit: Self.batchLimit)
            guard !reports.isEmpty else { return .nothingWaits }
            let hasFailed = await withTaskGroup(of: Bool.self) { group in
                for report in reports { group.addTask { await self.deliver(report) } }
                return await group.contains(false)
            }
            return hasFailed ? .failed : .delivered
        } catch {
            self.logger.error("The outbox could not be read", metadata: [LogKey.error: "\(error)"])
            return .failed
        }
    }

    /// - Returns: Whether the report is out of the outbox.
    private func deliver(_ report: QueuedReport) async -> Bool {
        do {
            let message = try WireCodec.decode(UpdateBackendStateMessage.self, from: report.payload)
            _ = try await self.bus.request(message, timeout: Self.answerLimit)
        } catch let error as MessageError {
            self.logger.error(
                "A report of the outbox is unreadable and dropped",
                metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(error)"])
        } catch RequestFailure.refused(let reply) where reply.code == .badRequest {
            // It will never be taken, and behind it wait those that will.
            self.logger.error(
                "A report was refused and is dropped", metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(reply)"])
        } catch {
            self.logger.debug("Report not acknowledged", metadata: [LogKey.backend: "\(report.backend)", LogKey.error: "\(error)"])
            return false
        }
        return await self.remove(report)
    }

    private func remove(_ report: QueuedReport) async -> Bool {
        do throws(StoreError) {
            try await self.store.removeReport(report.id)
            return true
        } catch {
            // It will be sent again; schedulers take the first of equal reports.
            self.logger.warning("An acknowledged report could not be removed", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }
}
