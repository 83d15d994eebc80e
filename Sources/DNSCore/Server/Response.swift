package import NIOCore

/// An answer, and what must be known of it to send or withhold it.
package struct Response: Sendable {
    /// What an answer is about. Answers about the same thing to the same network are counted together (`ResponseRateLimiter`).
    package enum Subject: Hashable, Sendable {
        /// The records of a name that has some.
        case name
        /// That a name has no such records: a zone gives endlessly many such answers, so all are one.
        case absence(zone: DNSName)
        case failure
    }

    /// The message; over TCP with its length before it.
    package var bytes: ByteBuffer
    package var code: ResponseCode
    package var isTruncated: Bool
    package var subject: Subject
    /// nil if the message could not be read.
    package var query: Query?
}
