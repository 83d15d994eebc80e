package import Logging
package import NATS
import LogKeys
import PlaneProtocol
import PlaneService
package import SchedulerCoreConfiguration
import Synchronization

/// Makes the streams, and checks every 15 s that they exist and are as configured. A stream may have been deleted by hand, and one made while
/// the NATS cluster was still forming has fewer replicas than it could have now.
package final class StreamMaintainer: Sendable {
    private struct State {
        var streams: [SchedulerStreams.Stream]
        var isRestoring = false
        /// When the size of the store was last measured.
        var measuredAt: ContinuousClock.Instant?
        /// The size of the store in bytes, if that is known.
        var storeLimit: UInt64?
        var isStoreNearlyFull = false
        var areTokensNearlyFull = false
        /// The last error of each stream, by the stream's name; no entry for a stream that is as configured.
        var lastErrors: [String: String] = [:]
    }

    private let jetStream: JetStream
    private let configuration: SchedulerConfiguration
    private let metrics: SchedulerMetrics
    private let logger: Logger
    private let state: Mutex<State>

    /// Pause between attempts at start. A NATS cluster that has just started elects its leaders within seconds.
    private static let retryPause: Duration = .seconds(1)
    /// How long to wait until there are as many servers as a stream is to have copies. After that it is made with fewer.
    private static let formingLimit: Duration = .seconds(10)
    /// Interval between checks; each costs one small request per stream.
    private static let period: Duration = .seconds(15)
    /// Interval between measurements of the store. Its size changes only when an operator changes it, and measuring takes a few dozen requests.
    private static let measuringPeriod: Duration = .seconds(3600)

    package init(jetStream: JetStream, configuration: SchedulerConfiguration, metrics: SchedulerMetrics = SchedulerMetrics(), logger: Logger) {
        self.jetStream = jetStream
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.state = Mutex(State(streams: SchedulerStreams.all(configuration)))
    }

    /// Returns when all essential streams exist. Waits for them for as long as it takes, for instance because JetStream is not there yet, and
    /// logs the reason, which appears nowhere else. The other streams are tried once.
    /// - Throws: `CancellationError`, and an error of code `closed` when the connection is at its end.
    package func ensure() async throws {
        let formed = ContinuousClock.now + Self.formingLimit
        for name in self.streams.filter(\.isEssential).map(\.configuration.name) {
            var told: String?
            while let stream = self.stream(name), let error = await self.attempt(stream, acceptingFewerReplicas: .now >= formed) {
                guard error.code != .closed else { throw error }
                if told != "\(error)" { self.reportMissing(stream, error) }
                told = "\(error)"
                try await Task.sleep(for: Self.retryPause)
            }
            // The streams after the leases have size limits that depend on the store.
            if name == SchedulerStreams.leases { await self.measureStore() }
        }
        for stream in self.streams where !stream.isEssential {
            guard let error = await self.attempt(stream, acceptingFewerReplicas: true) else { continue }
            try Task.checkCancellation()
            self.reportMissing(stream, error)
            self.note("\(error)", for: stream)
        }
    }

    /// Checks the streams until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await self.checkAll()
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: Self.period)
        }
    }

    func checkAll() async {
        await self.measureStore()
        for stream in self.streams {
            // Logged once for each new reason, because a NATS cluster may lack a server for weeks.
            guard let error = await self.check(stream), !Task.isCancelled else {
                self.note(nil, for: stream)
                continue
            }
            guard self.note("\(error)", for: stream) else { continue }
            self.logger.notice(
                "stream is not as configured, and stays so for now",
                metadata: [LogKey.stream: "\(stream.configuration.name)", LogKey.error: "\(error)"])
        }
        await self.watchStore()
        await self.watchTokens()
    }

    /// Makes the stream `plane_state` again if it is gone. Called when writing to it has failed. Returns at once if another task is doing this.
    func restoreState() async {
        guard
            self.state.withLock({ state in
                defer { state.isRestoring = true }
                return !state.isRestoring
            })
        else { return }
        defer { self.state.withLock { $0.isRestoring = false } }
        for stream in self.streams where stream.configuration.name == SchedulerStreams.planeState {
            if let error = await self.attempt(stream, acceptingFewerReplicas: true) { self.reportMissing(stream, error) }
        }
    }

    private var streams: [SchedulerStreams.Stream] { self.state.withLock { $0.streams } }

    private func stream(_ name: String) -> SchedulerStreams.Stream? { self.streams.first { $0.configuration.name == name } }

    private func reportMissing(_ stream: SchedulerStreams.Stream, _ error: NATSError) {
        let metadata: Logger.Metadata = [LogKey.stream: "\(stream.configuration.name)", LogKey.error: "\(error)"]
        guard stream.isEssential else {
            return self.logger.warning("stream cannot be made, and is done without", metadata: metadata)
        }
        // A retryable error, or too few servers, is usual while everything is being started.
        self.logger.log(
            level: error.isRetryable || error.meansTooFewServers ? .warning : .error, "stream cannot be made yet", metadata: metadata)
    }

    /// - Returns: whether the reason differs from the last one of this stream.
    @discardableResult
    private func note(_ error: String?, for stream: SchedulerStreams.Stream) -> Bool {
        self.state.withLock { state in
            defer { state.lastErrors[stream.configuration.name] = error }
            return state.lastErrors[stream.configuration.name] != error
        }
    }

    // MARK: One stream

    private func attempt(_ stream: SchedulerStreams.Stream, acceptingFewerReplicas: Bool) async -> NATSError? {
        var configuration = stream.configuration
        while true {
            do {
                if let formerHome = stream.formerHome { try await self.move(configuration, from: formerHome) }
                _ = try await self.jetStream.ensureStream(configuration, acceptingFewerReplicas: acceptingFewerReplicas)
                return nil
            } catch {
                // A server also reports too few servers when those that there are have no room.
                guard error.meansNoRoom || acceptingFewerReplicas && error.meansTooFewServers, let smaller = configuration.smaller else {
                    return error
                }
                configuration = smaller
            }
        }
    }

    /// Gives a stream the subjects that another one has until now. No two streams can have the same; messages stay where they are.
    ///
    /// What is published between the last two steps is stored nowhere, and told so to its sender; who ends here, or is refused, goes on with the next check. A
    /// scheduler that wants the subjects where they were cannot have them back, since this stream has them.
    private func move(_ configuration: StreamConfiguration, from former: String) async throws(NATSError) {
        let present: [String]
        do {
            present = try await self.jetStream.streamInfo(former).subjects
        } catch {
            guard error.code == .streamNotFound else { throw error }
            return
        }
        let kept = present.filter { !configuration.subjects.contains($0) }
        guard kept.count < present.count else { return }
        // Its room is set aside before anything is taken from the other one.
        var waiting = configuration
        waiting.subjects = [configuration.name]
        _ = try await self.jetStream.ensureStream(waiting)
        try await self.jetStream.setSubjects(kept, of: former)
        try await self.jetStream.setSubjects(configuration.subjects, of: configuration.name)
        self.logger.notice(
            "a stream has subjects now that another one had",
            metadata: [LogKey.stream: "\(configuration.name)", LogKey.subject: "\(configuration.subjects.joined(separator: " "))"])
    }

    private func check(_ stream: SchedulerStreams.Stream) async -> NATSError? {
        if let error = await self.attempt(stream, acceptingFewerReplicas: true) { return error }
        var configuration = stream.configuration
        while true {
            do {
                if stream.isCutToStore, try await self.isNear(configuration) { configuration.maxBytes = nil }
                guard try await self.jetStream.adjustStream(configuration) else { return nil }
                self.logger.notice("stream was changed to what is configured", metadata: [LogKey.stream: "\(configuration.name)"])
                return nil
            } catch {
                guard error.meansNoRoom, let smaller = configuration.smaller else { return error }
                configuration = smaller
            }
        }
    }

    /// Whether the stream's limit is close enough to the wanted one. Another scheduler, which has measured the store at another time, may have set it.
    private func isNear(_ configuration: StreamConfiguration) async throws(NATSError) -> Bool {
        guard let wanted = configuration.maxBytes, let limit = try await self.jetStream.streamInfo(configuration.name).maxBytes else { return false }
        return limit >= UInt64(wanted) / 2 && limit <= UInt64(wanted) * 2
    }

    // MARK: The store

    /// Warns when the store is nearly full, because a full store refuses every write.
    private func watchStore() async {
        guard let info = try? await self.jetStream.streamInfo(SchedulerStreams.planeState), let used = try? await self.jetStream.storeUsed() else {
            return  // Calls that need an answer report the error.
        }
        let (limit, isNews) = self.state.withLock { state in
            let isNearlyFull = StoreUsage(used: used, limit: state.storeLimit).isNearlyFull
            defer { state.isStoreNearlyFull = isNearlyFull }
            return (state.storeLimit, isNearlyFull && !state.isStoreNearlyFull)
        }
        self.metrics.streams(stateMessages: info.messages, stateBytes: info.bytes, storeBytes: used, storeLimit: limit)
        guard isNews, let limit else { return }
        self.logger.warning(
            "JetStream's store is nearly full; when it is, nothing can be scheduled any more",
            metadata: [LogKey.bytes: "\(used)", LogKey.limit: "\(limit)"])
    }

    /// Warns when visitors' tokens nearly fill their stream, which then forgets the oldest.
    private func watchTokens() async {
        // Calls that need an answer report the error.
        guard let info = try? await self.jetStream.streamInfo(TokenRecord.stream) else { return }
        let usage = StoreUsage(used: info.bytes, limit: info.maxBytes)
        self.metrics.tokens(usage.used, limit: usage.limit)
        let isNews = self.state.withLock { state in
            defer { state.areTokensNearlyFull = usage.isNearlyFull }
            return usage.isNearlyFull && !state.areTokensNearlyFull
        }
        guard isNews, let limit = usage.limit else { return }
        self.logger.warning(
            "visitors' tokens nearly fill their stream; when it is full the oldest end, and their visitors have to ask for new ones",
            metadata: [LogKey.stream: "\(TokenRecord.stream)", LogKey.bytes: "\(usage.used)", LogKey.limit: "\(limit)"])
    }

    /// Measures the store, at most once in `measuringPeriod`.
    private func measureStore() async {
        let isDue = self.state.withLock { state in
            guard state.measuredAt.map({ .now - $0 >= Self.measuringPeriod }) ?? true else { return false }
            state.measuredAt = .now
            return true
        }
        guard isDue else { return }
        do {
            let limit = try await self.jetStream.store(probing: self.jetStream.streamInfo(SchedulerStreams.leases)).limit
            let streams = SchedulerStreams.all(self.configuration, store: limit)
            self.state.withLock { state in
                state.streams = streams
                state.storeLimit = limit
            }
        } catch {
            // The configured limits are used then; the server refuses them if they are too large.
            self.logger.debug("the size of the store is not known", metadata: [LogKey.error: "\(error)"])
        }
    }
}

extension StreamConfiguration {
    /// The same stream with a quarter of the size, so that others have room; nil below `smallestLimit`.
    fileprivate var smaller: StreamConfiguration? {
        guard let maxBytes = self.maxBytes, maxBytes > SchedulerStreams.smallestLimit else { return nil }
        var configuration = self
        configuration.maxBytes = max(maxBytes / 4, SchedulerStreams.smallestLimit)
        return configuration
    }
}
