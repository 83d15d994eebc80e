package import Logging
package import NATS
import PlaneService

/// The streams of a cluster. Schedulers create them; one that exists is left as its operator wants it.
package enum SchedulerStreams {
    package static let planeState = "plane_state"
    package static let backendStatus = "backend_status"

    /// Three replicas survive the loss of one server, two do not; a smaller cluster gets as many as it can hold. Agents publish to the
    /// last two streams without waiting for an answer, and what is lost there is no loss to the system.
    package static let all = [
        // The shared memory: the last message of each subject.
        StreamConfiguration(name: planeState, subjects: ["state.>"], maxMessagesPerSubject: 1, replicas: 3),
        StreamConfiguration(name: "backend_logs", subjects: ["backend.*.log"], maxMessagesPerSubject: 500),
        StreamConfiguration(name: backendStatus, subjects: ["backend.*.status"], replicas: 3),
        // Read by nobody today; older agents still publish there.
        StreamConfiguration(name: "dns_record", subjects: ["cluster.*.dns.*"], maxAge: .seconds(60)),
    ]

    /// Returns when all exist. Waits for a JetStream that is not there yet, for as long as it takes.
    /// - Throws: what waiting cannot cure, and `CancellationError`.
    package static func ensure(in jetStream: JetStream, logger: Logger) async throws {
        for stream in self.all {
            while let error = await self.attempt(stream, in: jetStream) {
                guard error.isRetryable else { throw error }
                logger.warning("stream cannot be made yet", metadata: [LogKey.stream: "\(stream.name)", LogKey.error: "\(error)"])
                try await Task.sleep(for: self.retryPause)
            }
        }
    }

    private static func attempt(_ stream: StreamConfiguration, in jetStream: JetStream) async -> NATSError? {
        do {
            _ = try await jetStream.ensureStream(stream)
            return nil
        } catch {
            return error
        }
    }

    /// A cluster that has just started elects its leaders within seconds.
    private static let retryPause: Duration = .seconds(1)
}
