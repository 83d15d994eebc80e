/// The parts of a query on which the answer depends. The name is left in the client's message.
package struct Query: Hashable, Sendable {
    /// What the client says about itself by EDNS (RFC 6891 §6.1).
    package struct EDNS: Hashable, Sendable {
        /// The largest UDP message that the client accepts.
        package var payloadBytes: Int
        package var version: UInt8
        /// The DO bit, which the answer repeats (RFC 3225).
        package var wantsSignatures: Bool
    }

    package var id: UInt16
    package var flags: HeaderFlags
    /// Length of the question's name, with the final 0. It begins at `Query.nameStart`.
    package var nameBytes: Int
    package var type: RecordType
    package var recordClass: UInt16
    package var edns: EDNS?

    /// Length of the header with which every message begins.
    package static let headerBytes = 12
    /// Where the name of the first question begins.
    package static let nameStart = headerBytes
    /// The Internet, the only class in use.
    package static let internetClass: UInt16 = 1

    /// Where the question ends.
    package var questionEnd: Int { Self.nameStart + self.nameBytes + 4 }
}
