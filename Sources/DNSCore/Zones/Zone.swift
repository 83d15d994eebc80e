/// A zone that the server is authoritative for. All names of the zone share one object, which never changes.
package final class Zone: Sendable {
    package let origin: DNSName
    /// The zone's SOA record. The serial in it is not used, since the serial changes with the records.
    package let authority: StartOfAuthority
    /// How long the SOA may be remembered, in seconds.
    package let timeToLive: UInt32
    /// Addresses of the zone's name servers, which are sent together with their names.
    package let glue: [(server: DNSName, addresses: RecordSet)]
    /// The records of every host name in the zone that is not bound to a node.
    package let hosts: RecordSet

    package init(
        origin: DNSName, authority: StartOfAuthority, timeToLive: UInt32, glue: [(server: DNSName, addresses: RecordSet)] = [],
        hosts: RecordSet = .empty
    ) {
        self.origin = origin
        self.authority = authority
        self.timeToLive = timeToLive
        self.glue = glue
        self.hosts = hosts
    }

    func startOfAuthority(serial: UInt32) -> RecordData {
        var authority = self.authority
        authority.serial = serial
        return .soa(authority)
    }
}
