/// Gives the records of a name.
///
/// The server asks it for every question, on event loops (TCP) and on the threads of its UDP sockets, several at once. So an implementation
/// answers from memory, and waits for nothing but a lock that is held briefly.
package protocol RecordSource: Sendable {
    /// - Parameter name: A name as it stands in a message, in any case, without pointers, valid.
    func find(_ name: Span<UInt8>) -> ZoneLookup
}

/// What a source knows of a name.
package enum ZoneLookup: Sendable {
    /// The source knows nothing of any name yet; another server may.
    case unknown
    /// The name lies in no zone of the source.
    case outside
    /// The name lies in the zone, and there can never be a record at it.
    case impossible(Zone, serial: UInt32)
    /// The records at the name. There may be none now, which does not mean that the name does not exist.
    case records(RecordSet, Zone, serial: UInt32)
}

/// The records at a name, of every type but SOA.
package struct RecordSet: Hashable, Sendable {
    package var data: [RecordData]
    /// How long a resolver may remember it, in seconds.
    package var timeToLive: UInt32

    package init(_ data: [RecordData], timeToLive: UInt32) {
        self.data = data
        self.timeToLive = timeToLive
    }

    package static let empty = RecordSet([], timeToLive: 0)
}
