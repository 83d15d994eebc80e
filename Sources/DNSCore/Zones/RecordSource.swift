/// Where answers come from.
///
/// Asked for every question, on an event loop, from several of them at once: answers from memory, never waits for anything but a lock
/// held for less than a millisecond.
package protocol RecordSource: Sendable {
    /// - Parameter name: A name as it stands in a message, in any case, without pointers, valid.
    func find(_ name: Span<UInt8>) -> Finding
}

/// What a source knows of a name.
package enum Finding: Sendable {
    /// The source does not know yet, of any name; somebody else may.
    case unknown
    /// It lies in no zone of ours.
    case outside
    /// It lies in the zone, and nothing can ever be there.
    case impossible(Zone, serial: UInt32)
    /// These are the records at the name. There may be none, or none now: that is no reason to say that the name does not exist.
    case records(RecordSet, Zone, serial: UInt32)
}

/// What stands at a name, of every type but SOA.
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
