/// One message as it arrived, copied out of the library.
package struct NATSMessage: Sendable, Hashable {
    package var subject: String
    /// Where the sender waits for an answer.
    package var reply: String?
    package var headers: NATSHeaders
    package var payload: [UInt8]

    package init(subject: String, reply: String? = nil, headers: NATSHeaders = .empty, payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }

    /// The status the server put on the header line: 503 nobody listens, 100 control messages of a consumer.
    var status: String? { self.headers.isEmpty ? nil : self.headers["Status"] }

    /// What one message is taken to occupy in a buffer, in bytes: its contents and about what Swift adds to them.
    var bufferedBytes: Int {
        160 + self.subject.utf8.count + (self.reply?.utf8.count ?? 0) + self.payload.count
            + self.headers.fields.reduce(0) { $0 + 64 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
