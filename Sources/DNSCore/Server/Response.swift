package import NIOCore

/// Describes an answer, for the decision whether it is sent, withheld or truncated.
package struct Outcome: Sendable {
    /// What an answer is about. Answers about the same thing to the same network are counted together (`ResponseRateLimiter`).
    package enum Subject: Hashable, Sendable {
        /// The records of a name that has some.
        case name
        /// The absence of such records at a name. A zone has any number of such names, so all of them count as one subject.
        case absence(zone: DNSName)
        case failure
    }

    package var code: ResponseCode
    package var isTruncated: Bool
    package var subject: Subject
    /// Nil if the message could not be read.
    package var query: Query?
}

/// An answer as a message of its own.
package struct Response: Sendable {
    /// The message; over TCP preceded by its length.
    package var bytes: ByteBuffer
    package var outcome: Outcome
}
