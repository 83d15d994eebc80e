import FoundationEssentials
import UTCTime

/// The answer of `STREAM.MSG.GET`.
struct StoredMessage: Decodable {
    struct Message: Decodable {
        var subject: String
        var seq: UInt64
        /// Base64; absent for an empty payload.
        var data: Data?
        /// Base64 of `NATS/1.0`, the fields and an empty line, each ended by CR and LF; absent if there are no headers.
        var hdrs: Data?
        /// RFC 3339 with nanoseconds.
        var time: String
    }

    var message: Message

    /// Lines that are no fields are left out.
    var headers: NATSHeaders {
        var headers = NATSHeaders()
        let text = String(decoding: self.message.hdrs ?? Data(), as: UTF8.self)
        for line in text.split(separator: "\r\n" as Character).dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers.append(String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
        return headers
    }

    func message(attempt: String) throws(NATSError) -> StreamMessage {
        guard let published = UTCInstant(self.message.time) else {
            throw NATSError(.malformedReply, attempt: attempt, detail: "the time \(self.message.time)")
        }
        return StreamMessage(
            subject: self.message.subject, payload: [UInt8](self.message.data ?? Data()), sequence: self.message.seq,
            published: published, pending: 0, streamIncarnation: 0)
    }
}
