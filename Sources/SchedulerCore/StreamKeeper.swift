package import Logging
package import NATS
import PlaneService
package import SchedulerCoreConfiguration
import Synchronization

/// Makes the streams, and goes on to see that they are there and as configured: a stream may be deleted by hand, and a cluster that was
/// still forming when it was made could hold fewer replicas then than it can now.
package final class StreamKeeper: Sendable {
    private struct State {
        var streams: [SchedulerStreams.Stream]
        var isRestoring = false
        /// When the size of the store was asked for last.
        var measuredAt: ContinuousClock.Instant?
        /// Bytes of the store, if that is known.
        var storeLimit: UInt64?
        var isStoreNearlyFull = false
        /// What the last look after each stream came to, by its name.
        var lastErrors: [String: String] = [:]
    }

    private let jetStream: JetStream
    private let configuration: SchedulerConfiguration
    private let metrics: SchedulerMetrics
    private let logger: Logger
    private let state: Mutex<State>

    /// A cluster that has just started elects its leaders within seconds.
    private static let retryPause: Duration = .seconds(1)
    /// Servers of a cluster are started one after the other; for so long a stream waits for all it should have copies on.
    private static let formingLimit: Duration = .seconds(10)
    /// A look is one small request for each stream.
    private static let period: Duration = .seconds(15)
    /// The size of the store changes when its operator changes it; to find it out takes a few dozen requests.
    private static let measuringPeriod: Duration = .seconds(3600)

    package init(jetStream: JetStream, configuration: SchedulerConfiguration, metrics: SchedulerMetrics = SchedulerMetrics(), logger: Logger) {
        self.jetStream = jetStream
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.state = Mutex(State(streams: SchedulerStreams.all(configuration)))
    }

    /// Returns when all streams exist that a scheduler needs. Waits for them for as long as it takes, and says why: JetStream may not be
    /// there yet, and who keeps a stream from being made is told nowhere else. What is not essential is tried once.
    /// - Throws: `CancellationError`, and an error of code `closed` when the connection is at its end.
    package func ensure() async throws {
        let formed = ContinuousClock.now + Self.formingLimit
        for name in self.streams.filter(\.isEssential).map(\.configuration.name) {
            var told: String?
            while let stream = self.stream(name), let error = await self.attempt(stream, acceptingFewerReplicas: .now >= formed) {
                guard error.code != .closed else { throw error }
                if told != "\(error)" { self.tellMissing(stream, error) }
                told = "\(error)"
                try await Task.sleep(for: Self.retryPause)
            }
            // What comes after this one gets limits that fit.
            if name == SchedulerStreams.leases { await self.measureStore() }
        }
        for stream in self.streams where !stream.isEssential {
            guard let error = await self.attempt(stream, acceptingFewerReplicas: true) else { continue }
            try Task.checkCancellation()
            self.tellMissing(stream, error)
            self.note("\(error)", for: stream)
        }
    }

    /// Ends when the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await self.lookAfterAll()
            // Cancelled meanwhile, the loop ends.
            try? await Task.sleep(for: Self.period)
        }
    }

    func lookAfterAll() async {
        await self.measureStore()
        for stream in self.streams {
            // Told once for each new reason: a cluster may lack a server for weeks.
            guard let error = await self.look(after: stream), !Task.isCancelled else {
                self.note(nil, for: stream)
                continue
            }
            guard self.note("\(error)", for: stream) else { continue }
            self.logger.notice(
                "stream is not as configured, and stays so for now",
                metadata: [LogKey.stream: "\(stream.configuration.name)", LogKey.error: "\(error)"])
        }
        await self.watchStore()
    }

    /// The stream of the world's state takes nothing: makes it again if it is gone. Returns at once if somebody is at it.
    func restoreWorld() async {
        guard self.state.withLock({ state in
            defer { state.isRestoring = true }
            return !state.isRestoring
        }) else { return }
        defer { self.state.withLock { $0.isRestoring = false } }
        for stream in self.streams where stream.configuration.name == SchedulerStreams.planeState {
            if let error = await self.attempt(stream, acceptingFewerReplicas: true) { self.tellMissing(stream, error) }
        }
    }

    private var streams: [SchedulerStreams.Stream] { self.state.withLock { $0.streams } }

    private func stream(_ name: String) -> SchedulerStreams.Stream? { self.streams.first { $0.configuration.name == name } }

    private func tellMissing(_ stream: SchedulerStreams.Stream, _ error: NATSError) {
        let metadata: Logger.Metadata = [LogKey.stream: "\(stream.configuration.name)", LogKey.error: "\(error)"]
        guard stream.isEssential else {
            return self.logger.warning("stream cannot be made, and is done without", metadata: metadata)
        }
        // The first kind is usual where everything has just been started.
        self.logger.log(
            level: error.isRetryable || error.meansTooFewServers ? .warning : .error, "stream cannot be made yet", metadata: metadata)
    }

    /// - Returns: whether that is new.
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
                _ = try await self.jetStream.ensureStream(configuration, acceptingFewerReplicas: acceptingFewerReplicas)
                return nil
            } catch {
                // A cluster says of servers without room that they are too few.
                guard error.meansNoRoom || acceptingFewerReplicas && error.meansTooFewServers, let smaller = configuration.smaller else {
                    return error
                }
                configuration = smaller
            }
        }
    }

    private func look(after stream: SchedulerStreams.Stream) async -> NATSError? {
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

    /// Whether the stream's limit is about what fits the store: others, who have measured it at another time, may have set it.
    private func isNear(_ configuration: StreamConfiguration) async throws(NATSError) -> Bool {
        guard let wanted = configuration.maxBytes, let limit = try await self.jetStream.streamInfo(configuration.name).maxBytes else { return false }
        return limit >= UInt64(wanted) / 2 && limit <= UInt64(wanted) * 2
    }

    // MARK: The store

    /// A store that is full takes nothing more from anybody: said before that.
    private func watchStore() async {
        guard let info = try? await self.jetStream.streamInfo(SchedulerStreams.planeState), let used = try? await self.jetStream.storeUsed() else {
            return  // Said by whoever needs an answer.
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

    /// Finds out how large the store is, now and then, and what fits it.
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
            // Then the configured limits stand, and the server says if they are too large.
            self.logger.debug("the size of the store is not known", metadata: [LogKey.error: "\(error)"])
        }
    }
}

extension StreamConfiguration {
    /// The same with a quarter of the size, which leaves room for others; nil if that is none.
    fileprivate var smaller: StreamConfiguration? {
        guard let maxBytes = self.maxBytes, maxBytes > SchedulerStreams.smallestLimit else { return nil }
        var configuration = self
        configuration.maxBytes = max(maxBytes / 4, SchedulerStreams.smallestLimit)
        return configuration
    }
}
