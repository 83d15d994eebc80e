/// Returns the records of a name.
///
/// The server calls it for every question, on event loops (TCP) and on the threads of its UDP sockets, several at once. So an implementation answers from
/// memory, and waits at most for a lock that is held briefly.
package protocol RecordSource: Sendable {
    /// - Parameter name: a valid name as in a message, in upper or lower case, without pointers.
    func find(_ name: Span<UInt8>) -> ZoneLookup
}

/// What a source knows about a name.
package enum ZoneLookup: Sendable {
    /// The source knows no names yet; another server may.
    case unknown
    /// The name is in no zone of the source.
    case outside
    /// The name is in the zone, but can never have records.
    case impossible(Zone, serial: UInt32)
    /// The records at the name. There may be none now, but the name may get some.
    case records(RecordSet, Zone, serial: UInt32)
}

/// The records at a name, of every type but SOA.
package struct RecordSet: Hashable, Sendable {
    package var data: [RecordData]
    /// How long a resolver may remember the records, in seconds.
    package var timeToLive: UInt32

    package init(_ data: [RecordData], timeToLive: UInt32) {
        self.data = data
        self.timeToLive = timeToLive
    }

    package static let empty = RecordSet([], timeToLive: 0)
}
