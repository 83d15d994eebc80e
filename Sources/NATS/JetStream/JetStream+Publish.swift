/// Writing to streams.
extension JetStream {
    /// Publishes a message, and returns when a stream has stored it.
    /// - Parameter expectedLastSubjectSequence: store it only if the subject's newest message has this sequence; 0 means that the subject has no message.
    ///   Otherwise the error is `.wrongLastSequence`, or the retryable `.sequenceBusy` if another message is being stored at this moment.
    package func publish(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = .empty,
        expectedLastSubjectSequence: UInt64? = nil, timeout: Duration = .seconds(5)
    ) async throws(NATSError) -> PublishAck {
        var headers = headers
        if let sequence = expectedLastSubjectSequence {
            headers.append("Nats-Expected-Last-Subject-Sequence", "\(sequence)")
        }
        let answer: NATSMessage
        do {
            answer = try await self.connection.request(payload, to: subject, headers: headers, timeout: timeout)
        } catch {
            guard error.code == .noResponders else { throw error }
            throw NATSError(
                .noResponders, attempt: "publish to \(subject)", detail: "no stream takes this subject",
                hint: "does the stream exist, and does it have a leader?")
        }
        if let plain = PublishAck(plain: answer.payload) { return plain }
        return try JetStreamAnswer.read(PublishAck.self, from: answer.payload, attempt: "publish to \(subject)")
    }
}
