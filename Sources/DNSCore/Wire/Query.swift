/// What a client asks, as far as the answer depends on it. The name stays where it is, in the client's message.
package struct Query: Hashable, Sendable {
    /// What the client says of itself beyond RFC 1035 (RFC 6891 §6.1).
    package struct EDNS: Hashable, Sendable {
        /// The largest UDP message it takes.
        package var payloadBytes: Int
        package var version: UInt8
        /// The DO bit, given back as it came (RFC 3225).
        package var wantsSignatures: Bool
    }

    package var id: UInt16
    package var flags: HeaderFlags
    /// Bytes of the question's name, the final 0 included. It starts at `Query.nameStart`.
    package var nameBytes: Int
    package var type: RecordType
    package var recordClass: UInt16
    package var edns: EDNS?

    /// Bytes of the header every message begins with.
    package static let headerBytes = 12
    /// Where the name of the first question stands.
    package static let nameStart = headerBytes
    /// The Internet; the only class anybody uses.
    package static let internetClass: UInt16 = 1

    /// Where the question ends.
    package var questionEnd: Int { Self.nameStart + self.nameBytes + 4 }
}
