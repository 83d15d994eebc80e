package import NIOCore

/// What decides whether an answer is sent, withheld or truncated.
package struct Outcome: Sendable {
    /// What an answer is about. Answers about the same thing to the same network are counted together (`ResponseRateLimiter`).
    package enum Subject: Hashable, Sendable {
        /// The records of a name that has some.
        case name
        /// That a name has no such records. A zone has endlessly many such names, so all of them count as one subject.
        case absence(zone: DNSName)
        case failure
    }

    package var code: ResponseCode
    package var isTruncated: Bool
    package var subject: Subject
    /// nil if the message could not be read.
    package var query: Query?
}

/// An answer by itself.
package struct Response: Sendable {
    /// The message; over TCP with its length before it.
    package var bytes: ByteBuffer
    package var outcome: Outcome
}
