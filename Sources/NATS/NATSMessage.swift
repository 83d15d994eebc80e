/// One message as it arrived. Its contents have been copied out of the library.
package struct NATSMessage: Sendable, Hashable {
    package var subject: String
    /// The subject on which the sender waits for an answer.
    package var reply: String?
    package var headers: NATSHeaders
    package var payload: [UInt8]

    package init(subject: String, reply: String? = nil, headers: NATSHeaders = .empty, payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }

    /// The status in the header line: 503 if nobody listens, 100 for control messages of a consumer.
    var status: String? { self.headers.isEmpty ? nil : self.headers["Status"] }

    /// Whether a stream of JetStream's has delivered it: a consumer, or a stream that publishes again what it stores. Whoever may make one of these has the
    /// server publish what is stored on any subject, also where he may not publish himself. The server marks both, and nobody can leave the mark out: a
    /// consumer's message has a reply subject of acknowledgements, one that is published again a header with the stream's name, and a consumer's
    /// control messages a status.
    package var isDeliveredByStream: Bool {
        self.reply?.hasPrefix("$JS.ACK.") == true || !self.headers.isEmpty && (self.headers["Nats-Stream"] != nil || self.status == "100")
    }

    /// What one message is taken to occupy in a buffer, in bytes: its contents and about what Swift adds to them.
    var bufferedBytes: Int {
        160 + self.subject.utf8.count + (self.reply?.utf8.count ?? 0) + self.payload.count
            + self.headers.fields.reduce(0) { $0 + 64 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
