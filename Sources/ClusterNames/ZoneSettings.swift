package import DNSCore
package import NetworkAddresses
import PlaneProtocol

/// What all zones of a fleet have in common.
package struct ZoneSettings: Sendable {
    /// One of the servers that answer for the zones.
    package struct NameServer: Hashable, Sendable {
        package var name: DNSName
        /// Sent along with its name, and served at its name if that lies in one of the zones (glue).
        package var addresses: [IPAddress]

        package init(name: DNSName, addresses: [IPAddress] = []) {
            self.name = name
            self.addresses = addresses
        }
    }

    /// In the order of NS answers; the first is the one SOA names.
    package var nameServers: [NameServer] = []
    /// Of the person in charge; `hostmaster` in the zone itself if nil (RFC 2142 §7).
    package var mailbox: DNSName?
    /// Who may issue certificates for names in the zones; anybody if empty.
    package var certificateAuthorities: [CAAProperty] = []

    /// Of the tier, which serves the clusters' own names; none where there is no tier.
    package var proxies: [IPAddress] = []
    /// Whether every host name leads to the tier too, and not to a drone.
    package var leadsToProxies = false

    package init() {}

    /// Of a backend's address, in seconds. It does not change while the backend lives.
    static let hostTimeToLive: UInt32 = 60
    /// Of a challenge text, in seconds: a new one must not wait for an old one to be forgotten.
    static let challengeTimeToLive: UInt32 = 1
    /// Of SOA, NS, CAA and glue, in seconds.
    static let fixedTimeToLive: UInt32 = 3600
    /// How long somebody who asked for a name a moment too early has to do without it, in seconds.
    static let negativeTimeToLive: UInt32 = 5

    static let challengeLabel = "_acme-challenge"

    /// The zone of a cluster.
    func zone(_ origin: DNSName) -> Zone {
        let authority = StartOfAuthority(
            primary: self.nameServers.first?.name ?? origin, mailbox: self.mailbox ?? origin.child("hostmaster") ?? origin, serial: 0,
            // Nobody transfers these zones; the values are within what RFC 1912 §2.2 recommends, for those who check.
            refresh: 7200, retry: 3600, expire: 1_209_600, minimum: Self.negativeTimeToLive)
        return Zone(
            origin: origin, authority: authority, timeToLive: Self.fixedTimeToLive,
            glue: self.nameServers.filter { $0.name.isWithin(origin) }.map { ($0.name, $0.records) },
            hosts: self.leadsToProxies ? self.proxyRecords : .empty)
    }

    /// What stands in the zone from the start.
    func fixedRecords(_ origin: DNSName) -> [(name: DNSName, records: RecordSet)] {
        let apex = self.nameServers.map { RecordData.ns($0.name) } + self.certificateAuthorities.map { .caa($0) }
        // The name servers of the parent count for those who look for the zone, so a short time costs little where there are proxies.
        var fixed = [
            (name: origin, records: RecordSet(apex + self.proxyRecords.data, timeToLive: self.proxies.isEmpty ? Self.fixedTimeToLive : Self.hostTimeToLive))
        ]
        if let challenge = origin.child(Self.challengeLabel) { fixed.append((challenge, .empty)) }
        for server in self.nameServers where server.name.isWithin(origin) {
            if server.name == origin {
                fixed[0].records.data += server.records.data
            } else {
                fixed.append((server.name, server.records))
            }
        }
        return fixed
    }
}

extension ZoneSettings {
    private var proxyRecords: RecordSet { RecordSet(self.proxies.map { RecordData($0) }, timeToLive: Self.hostTimeToLive) }
}

extension ZoneSettings.NameServer {
    var records: RecordSet { RecordSet(self.addresses.map { RecordData($0) }, timeToLive: ZoneSettings.fixedTimeToLive) }
}

extension RecordData {
    /// A or AAAA.
    init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self = .a(address)
        case .v6(let high, let low): self = .aaaa(high: high, low: low)
        }
    }
}
