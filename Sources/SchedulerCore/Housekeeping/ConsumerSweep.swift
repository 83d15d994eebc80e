import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import SchedulerCoreConfiguration

/// Deletes consumers that somebody has left on the streams of the fleet, before they are as many as a stream may have: then nobody who starts could follow
/// the state any more, schedulers not either.
///
/// Whoever may read a stream makes a consumer for it, and says himself how long the server is to keep it: a stolen part could leave as many as there may be,
/// for years. Ours are gone half a minute after their reader. Durable consumers are left alone, because permissions say who may make them.
///
/// Every scheduler does this, from its start on: the one that has the lease may be waiting for its own consumer.
struct ConsumerSweep: Sendable {
    private let jetStream: JetStream
    private let streams: Set<String>
    private let inboxes: ReplySubjects
    private let logger: Logger
    private var lastError: String?

    /// Interval between looks; each costs two small requests, unless a stream has many consumers.
    private static let period: Duration = .seconds(15)
    /// A stream has many consumers from this part of its limit on (one half).
    private static let crowdShare = 2
    /// The limit that is assumed where there is none.
    private static let usualLimit = 1000
    /// Longer than any reader of ours, or of the usual libraries, has its consumer kept without it.
    static let longestThreshold: Duration = .seconds(300)

    init(bus: PlaneBus, configuration: SchedulerConfiguration, logger: Logger) {
        self.jetStream = bus.connection.jetStream
        self.inboxes = bus.replySubjects
        self.streams = Set(SchedulerStreams.all(configuration).map(\.configuration.name))
        self.logger = logger
    }

    /// Looks until the task is cancelled.
    mutating func run() async {
        repeat { await self.look() } while (try? await Task.sleep(for: Self.period)) != nil
    }

    private mutating func look() async {
        do throws(NATSError) {
            let crowd = (try await self.jetStream.consumerLimit() ?? Self.usualLimit) / Self.crowdShare
            for stream in try await self.jetStream.streams() where self.streams.contains(stream.name) && stream.consumers >= max(crowd, 1) {
                try await self.clear(stream)
            }
            self.lastError = nil
        } catch {
            guard error.code != .cancelled, error.code != .closed, self.lastError != "\(error)" else { return }
            self.lastError = "\(error)"
            self.logger.notice("consumers that others have left cannot be looked through", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func clear(_ stream: StreamInfo) async throws(NATSError) {
        let left = try await self.jetStream.consumers(of: stream.name).filter { Self.isLeft($0, inboxes: self.inboxes) }
        for consumer in left { try await self.jetStream.deleteConsumer(consumer.name, of: stream.name) }
        guard !left.isEmpty else { return }
        self.logger.warning(
            "a stream had many consumers that stay without a reader, and they were deleted; who makes them?",
            metadata: [LogKey.stream: "\(stream.name)", LogKey.count: "\(left.count)"])
    }

    /// Whether a consumer may stay though nobody reads it: for long, or because it delivers where somebody listens for other things.
    static func isLeft(_ consumer: ConsumerInfo, inboxes: ReplySubjects = ReplySubjects()) -> Bool {
        guard !consumer.isDurable else { return false }
        if let threshold = consumer.inactiveThreshold, threshold > self.longestThreshold { return true }
        // One that is asked for messages, and is not, ends with its time.
        return consumer.deliverSubject.map { !inboxes.contains($0) } ?? false
    }
}
