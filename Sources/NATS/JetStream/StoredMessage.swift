import FoundationEssentials
import UTCTime

/// The answer of `STREAM.MSG.GET`; the headers are not read.
struct StoredMessage: Decodable {
    struct Message: Decodable {
        var subject: String
        var seq: UInt64
        /// Base64; absent for an empty payload.
        var data: Data?
        /// RFC 3339 with nanoseconds.
        var time: String
    }

    var message: Message

    func message(attempt: String) throws(NATSError) -> StreamMessage {
        guard let published = UTCInstant(self.message.time) else {
            throw NATSError(.malformedReply, attempt: attempt, detail: "the time \(self.message.time)")
        }
        return StreamMessage(
            subject: self.message.subject, payload: [UInt8](self.message.data ?? Data()), sequence: self.message.seq,
            published: published, pending: 0, streamIncarnation: 0)
    }
}
