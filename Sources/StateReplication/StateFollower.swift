package import Logging
package import NATS
import LogKeys
import PlaneProtocol
import PlaneService
import UTCTime

/// Reads the stream `plane_state` into a fleet: once, or continuously. Every process that reads this stream uses it.
package struct StateFollower<Fleet: FollowedState>: Sendable {
    private let jetStream: JetStream
    private let fleet: Fleet
    private let logger: Logger

    /// Pause between attempts to begin reading. Once that has worked, the consumer recovers by itself.
    private static var retryPause: Duration { .seconds(1) }

    package init(jetStream: JetStream, fleet: Fleet, logger: Logger) {
        self.jetStream = jetStream
        self.fleet = fleet
        self.logger = logger
    }

    /// Follows the stream as a service: repeats the beginning until it succeeds. Ends when the task is cancelled or the connection is closed.
    package func run() async {
        while !Task.isCancelled {
            do {
                return try await self.follow()
            } catch {
                guard error.code != .closed, error.code != .cancelled else { return }
                self.logger.warning("the state of the fleet cannot be read yet", metadata: [LogKey.error: "\(error)"])
            }
            // If the task is cancelled during the pause, the loop ends.
            await self.jetStream.connection.pause(atMost: Self.retryPause)
        }
    }

    /// Follows the stream until the task is cancelled or the connection is closed.
    /// - Throws: when it cannot begin now, for instance because there is no such stream.
    package func follow() async throws(NATSError) {
        let progress = FollowerProgress()
        let observation = self.jetStream.connection.observe { progress.observe($0) }
        defer { withExtendedLifetime(observation) {} }
        try await self.read(progress)
        while progress.isVoid, !Task.isCancelled {
            self.logger.warning("the state of the fleet was purged, and is rebuilt from what the drones say")
            self.fleet.lost()
            try await self.readAnew(progress)
        }
    }

    /// Reads the stream from its beginning, as soon as that is possible.
    private func readAnew(_ progress: FollowerProgress) async throws(NATSError) {
        while true {
            do {
                return try await self.read(progress)
            } catch {
                guard !Task.isCancelled, error.code != .closed, error.code != .cancelled else { throw error }
                self.logger.warning("the state of the fleet cannot be read yet", metadata: [LogKey.error: "\(error)"])
            }
            await self.jetStream.connection.pause(atMost: Self.retryPause)
        }
    }

    /// Follows the stream from its first message until that is no longer possible, or everything was purged.
    private func read(_ progress: FollowerProgress) async throws(NATSError) {
        // What is purged after the consumer was made is noticed, because the server knows of this subscription before.
        let notices = self.purgeNotices()
        let gapEnds = progress.gapEnds()
        let consumer = try await self.begin(progress)
        await withDiscardingTaskGroup { group in
            if let notices { group.addTask { await self.followPurges(notices, consumer, progress) } }
            let comparison = PurgeComparison(jetStream: self.jetStream, fleet: self.fleet, logger: self.logger)
            group.addTask { await comparison.run(after: gapEnds, consumer, progress) }
            await self.apply(consumer, until: .end, progress)
            group.cancelAll()
        }
    }

    /// Applies what is in the stream now, and returns.
    /// - Throws: when the stream cannot be read, or not to its end because the task is cancelled or the connection is closed.
    package func readOnce() async throws(NATSError) {
        let progress = FollowerProgress()
        let consumer = try await self.begin(progress)
        guard await self.apply(consumer, until: .caughtUp, progress) else {
            throw NATSError(Task.isCancelled ? .cancelled : .closed, attempt: "read stream \(StateStream.name)")
        }
    }

    private enum Stop { case caughtUp, end }

    /// Applies messages in the order of the stream until the consumer ends or `stop` says so.
    /// - Returns: whether everything that was in the stream at the beginning has been applied.
    @discardableResult
    private func apply(_ consumer: OrderedConsumer, until stop: Stop, _ progress: FollowerProgress) async -> Bool {
        var isCaughtUp = consumer.initialPending == 0
        if isCaughtUp, progress.caughtUp() { self.fleet.caughtUp() }
        if isCaughtUp, stop == .caughtUp { return true }
        for await message in consumer {
            if progress.isVoid { break }
            self.apply(message, of: consumer.streamIdentity, progress)
            guard message.pending == 0, !isCaughtUp else { continue }
            isCaughtUp = true
            if progress.caughtUp() { self.fleet.caughtUp() }
            if stop == .caughtUp { return true }
        }
        return isCaughtUp
    }

    private func begin(_ progress: FollowerProgress) async throws(NATSError) -> OrderedConsumer {
        let info = try await self.jetStream.streamInfo(StateStream.name)
        if !progress.isVoid, let age = info.age(at: WireTime.now()) { self.fleet.began(streamAge: age) }
        let consumer = try await self.jetStream.orderedConsumer(stream: StateStream.name, from: .first)
        progress.began(consumer.streamIdentity)
        return consumer
    }

    /// Subscribes to the server's advisories. If the account's permissions forbid that, messages that others have purged stay in memory until the connection
    /// was broken, or the process ends; the connection logs what is refused.
    private func purgeNotices() -> NATSSubscription? {
        do {
            return try self.jetStream.connection.subscribe(PurgeNotice.subject)
        } catch {
            if error.code == .closed { return nil }
            self.logger.warning(
                "purges of the state cannot be heard: what others purge stays in memory until this process ends",
                metadata: [LogKey.subject: "\(PurgeNotice.subject)", LogKey.error: "\(error)"])
            return nil
        }
    }

    private func followPurges(_ notices: NATSSubscription, _ consumer: OrderedConsumer, _ progress: FollowerProgress) async {
        for await message in notices where !message.isDeliveredByStream {
            switch PurgeNotice(advisory: message.payload) {
            case .everything?:
                progress.makeVoid()
                consumer.cancel()
            case .backend(let backend, let token)?:
                if progress.appliesNotice() { self.fleet.purged(backend, clusterToken: token) }
            case .message(let sequence)?:
                if progress.appliesNotice() { self.fleet.deleted(at: sequence) }
            case nil: break
            }
        }
    }

    private func apply(_ message: StreamMessage, of identity: StreamIdentity, _ progress: FollowerProgress) {
        var decoded: StateMessage?
        do {
            decoded = try WireCodec.decode(from: message.payload, subject: message.subject)
        } catch {
            self.logger.warning(
                "message in the stream cannot be read",
                metadata: [LogKey.subject: "\(message.subject)", LogKey.sequence: "\(message.sequence)", LogKey.error: "\(error)"])
        }
        let incarnation = progress.applies(decoded, sequence: message.sequence, incarnation: message.streamIncarnation)
        self.fleet.apply(decoded, sequence: message.sequence, published: WireTime(message.published), incarnation: incarnation)
        progress.applied(of: identity)
    }
}

extension StreamInfo {
    /// How long ago the stream was made, by our clock and the server's; nil if the server does not say.
    fileprivate func age(at now: WireTime) -> Duration? {
        self.createdTime.map { .seconds(now.seconds - $0.seconds) }
    }
}

/// The stream with the state of a fleet: the last message of each subject.
package enum StateStream {
    package static let name = "plane_state"
}
