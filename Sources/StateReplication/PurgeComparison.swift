import LogKeys
import Logging
import NATS
import PlaneProtocol
import Timing

/// Finds what was purged from the stream while no notice of it could be heard: asks the server which backends have messages in the stream, and tells the fleet
/// of all others that they were purged.
struct PurgeComparison<Fleet: FollowedState> {
    let jetStream: JetStream
    let fleet: Fleet
    let logger: Logger

    private static var pauses: RetrySchedule { RetrySchedule(.milliseconds(200), .seconds(1), .seconds(2), .seconds(5), .seconds(15), .seconds(60)) }
    /// Failures one after the other before the operator is told.
    private static var failuresUntilWarning: Int { 4 }
    /// Everybody who follows the stream compares when NATS has come back. Each waits a random part of a second for so many backends first, 5 s at most.
    private static var backendsPerSecondOfDelay: Double { 20_000 }

    /// Compares whenever a gap has ended, until the task is cancelled.
    func run(after gapEnds: AsyncStream<Void>, _ consumer: OrderedConsumer, _ progress: FollowerProgress) async {
        for await _ in gapEnds {
            await self.delay()
            var failures = 0
            while !Task.isCancelled, let gap = progress.beginComparison() {
                do {
                    try await self.compare(gap, consumer, progress)
                    progress.endComparison()
                } catch {
                    progress.endComparison(failing: gap)
                    guard error.code != .closed, error.code != .cancelled else { return }
                    failures += 1
                    self.logger.log(
                        level: failures == Self.failuresUntilWarning ? .warning : .debug, "what was purged unheard is not known yet",
                        metadata: [LogKey.error: "\(error)"])
                    await self.jetStream.connection.pause(atMost: Self.pauses.pause(after: failures))
                }
            }
        }
    }

    private func delay() async {
        let limit = min(5, Double(self.fleet.backendNames.count) / Self.backendsPerSecondOfDelay)
        if limit > 0.1 { await self.jetStream.connection.pause(atMost: .seconds(Double.random(in: 0..<limit))) }
    }

    private func compare(_ gap: FollowerProgress.Gap, _ consumer: OrderedConsumer, _ progress: FollowerProgress) async throws(NATSError) {
        // Known before the server is asked, so what the server does not have then is gone.
        let known = self.fleet.backendNames
        guard !known.isEmpty else { return }
        let stream = try await self.jetStream.listSubjects(in: StateStream.name, matching: "state.cluster.*.backend.>")
        guard progress.knows(stream, at: gap) else { return }
        if let sequence = gap.sequence, stream.firstSequence > sequence {
            // Nothing of what was known is left, neither of backends nor of locks and drones.
            progress.makeVoid()
            return consumer.cancel()
        }
        let stored = Set(stream.subjects.compactMap { Self.backend(in: $0) })
        var count = 0
        for (backend, cluster) in known where !stored.contains("\(cluster.subjectToken).\(backend.rawValue)") {
            let name = FollowerProgress.Backend(backend: backend, clusterToken: cluster.subjectToken)
            if !stream.isExact, try await self.isStored(name) { continue }
            guard !progress.isTouched(name) else { continue }
            self.fleet.purged(backend, clusterToken: name.clusterToken)
            count += 1
        }
        if count > 0 { self.logger.info("forgot backends that were purged while nobody could hear it", metadata: [LogKey.count: "\(count)"]) }
    }

    private func isStored(_ name: FollowerProgress.Backend) async throws(NATSError) -> Bool {
        let subject = "state.cluster.\(name.clusterToken).backend.\(name.backend.rawValue).>"
        return try await !self.jetStream.subjects(in: StateStream.name, matching: subject, limit: 1).isEmpty
    }

    /// The token of the cluster and the backend's id; nil for a subject of another shape.
    private static func backend(in subject: String) -> String? {
        let tokens = subject.split(separator: ".", maxSplits: 5, omittingEmptySubsequences: false)
        return tokens.count == 6 ? "\(tokens[2]).\(tokens[4])" : nil
    }
}
