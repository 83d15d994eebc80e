package import Logging
package import NATS
package import PlaneService
import Synchronization

/// Makes the streams, and goes on to see that they are there and as configured: a stream may be deleted by hand, and a cluster that was
/// still forming when it was made could hold fewer replicas then than it can now.
package final class StreamKeeper: Sendable {
    private let jetStream: JetStream
    private let streams: [StreamConfiguration]
    private let logger: Logger
    private let isRestoring = Mutex(false)

    /// A cluster that has just started elects its leaders within seconds.
    private static let retryPause: Duration = .seconds(1)
    /// Servers of a cluster are started one after the other; for so long a stream waits for all it should have copies on.
    private static let formingLimit: Duration = .seconds(10)
    /// A look is one small request for each stream.
    private static let period: Duration = .seconds(15)

    package init(jetStream: JetStream, configuration: SchedulerConfiguration, logger: Logger) {
        self.jetStream = jetStream
        self.streams = SchedulerStreams.all(configuration)
        self.logger = logger
    }

    /// Returns when all streams exist. Waits for a JetStream that is not there yet, for as long as it takes.
    /// - Throws: what waiting cannot cure, and `CancellationError`.
    package func ensure() async throws {
        let formed = ContinuousClock.now + Self.formingLimit
        for stream in self.streams {
            while let error = await self.attempt(stream, acceptingFewerReplicas: .now >= formed) {
                guard error.isRetryable || error.meansTooFewServers else { throw error }
                self.logger.warning(
                    "stream cannot be made yet", metadata: [LogKey.stream: "\(stream.name)", LogKey.error: "\(error)"])
                try await Task.sleep(for: Self.retryPause)
            }
        }
    }

    /// Ends when the task is cancelled.
    func run() async {
        var lastErrors: [String: String] = [:]
        while !Task.isCancelled {
            for stream in self.streams {
                let error = await self.look(after: stream)
                // Told once for each new reason: a cluster may lack a server for weeks.
                let text = error.map { "\($0)" }
                if let text, lastErrors[stream.name] != text {
                    self.logger.notice(
                        "stream is not as configured, and stays so for now",
                        metadata: [LogKey.stream: "\(stream.name)", LogKey.error: "\(text)"])
                }
                lastErrors[stream.name] = text
            }
            // Cancelled meanwhile, the loop ends.
            try? await Task.sleep(for: Self.period)
        }
    }

    /// The stream of the world's state takes nothing: makes it again if it is gone. Returns at once if somebody is at it.
    func restoreWorld() async {
        guard self.isRestoring.withLock({ isRestoring in
            defer { isRestoring = true }
            return !isRestoring
        }) else { return }
        defer { self.isRestoring.withLock { $0 = false } }
        for stream in self.streams where stream.name == SchedulerStreams.planeState {
            if let error = await self.attempt(stream, acceptingFewerReplicas: true) {
                self.logger.warning(
                    "stream cannot be made yet", metadata: [LogKey.stream: "\(stream.name)", LogKey.error: "\(error)"])
            }
        }
    }

    private func attempt(_ stream: StreamConfiguration, acceptingFewerReplicas: Bool) async -> NATSError? {
        do {
            _ = try await self.jetStream.ensureStream(stream, acceptingFewerReplicas: acceptingFewerReplicas)
            return nil
        } catch {
            return error
        }
    }

    private func look(after stream: StreamConfiguration) async -> NATSError? {
        if let error = await self.attempt(stream, acceptingFewerReplicas: true) { return error }
        do {
            guard try await self.jetStream.adjustStream(stream) else { return nil }
            self.logger.notice("stream was changed to what is configured", metadata: [LogKey.stream: "\(stream.name)"])
            return nil
        } catch where error.meansNoReplicas {
            return nil  // A single server, as its operator knows.
        } catch {
            return error
        }
    }
}
