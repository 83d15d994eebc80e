package import NATS
package import PlaneProtocol
import Timing

/// Writes to the stream `plane_state`.
package struct StateWriter: Sendable {
    private let jetStream: JetStream

    /// Time within which the server has to acknowledge a message. A local server takes a millisecond, a cluster across regions a tenth of a
    /// second.
    private static let timeout: Duration = .seconds(2)
    /// Pauses before another attempt, while the server refuses because another message on the same subject is being replicated, which takes
    /// milliseconds.
    private static let busyRetries = RetrySchedule(.milliseconds(5), .milliseconds(20), .milliseconds(80))

    package init(jetStream: JetStream) {
        self.jetStream = jetStream
    }

    /// Writes a message, and returns its sequence in the stream.
    /// - Parameters:
    ///   - expected: sequence of the last message on its subject, 0 for none. If the last message is another one, nothing is written
    ///     and the error is `.wrongLastSequence`.
    ///   - headers: what is said beside the message, for readers that look for it.
    @discardableResult
    package func write(
        _ message: StateMessage, expecting expected: UInt64? = nil, headers: NATSHeaders = .empty
    ) async throws(NATSError) -> UInt64 {
        let payload = WireCodec.encode(message)
        return try await Self.busyRetries.attempt(if: { $0.code == .sequenceBusy }) { () async throws(NATSError) in
            try await self.publish(payload, message.subject, headers, expected)
        }
    }

    /// Writes a message that nothing may replace. If there is one on its subject already, that counts as success.
    package func writeOnce(_ message: StateMessage) async throws(NATSError) {
        do {
            try await self.write(message, expecting: 0)
        } catch where error.code == .wrongLastSequence {
            return
        }
    }

    private func publish(
        _ payload: [UInt8], _ subject: String, _ headers: NATSHeaders, _ expected: UInt64?
    ) async throws(NATSError) -> UInt64 {
        try await self.jetStream.publish(
            payload, to: subject, headers: headers, expectedLastSubjectSequence: expected, timeout: Self.timeout
        ).sequence
    }
}
