package import DNSCore
package import NetworkAddresses
import PlaneProtocol

/// What all zones of a fleet have in common.
package struct ZoneOptions: Sendable {
    /// One of the name servers of the zones.
    package struct NameServer: Hashable, Sendable {
        package var name: DNSName
        /// Addresses that are sent together with the name, and served at the name if that is in one of the zones (glue).
        package var addresses: [IPAddress]

        package init(name: DNSName, addresses: [IPAddress] = []) {
            self.name = name
            self.addresses = addresses
        }
    }

    /// The name servers in the order of NS answers; SOA answers name the first.
    package var nameServers: [NameServer] = []
    /// The mailbox of the person in charge; nil means `hostmaster` in the zone itself (RFC 2142 §7).
    package var mailbox: DNSName?
    /// The authorities that may issue certificates for names in the zones; empty allows all.
    package var certificateAuthorities: [CAAProperty] = []

    /// Addresses of the tier's proxies, which serve the clusters' own names; empty where there is no tier.
    package var proxies: [IPAddress] = []
    /// Whether the names of backends lead to the tier as well, and not to a drone.
    package var leadsToProxies = false

    package init() {}

    /// Seconds for which a backend's address may be remembered; it does not change while the backend lives.
    static let hostTimeToLive: UInt32 = 60
    /// Seconds for which a challenge text may be remembered: short, so that a new one is seen soon.
    static let challengeTimeToLive: UInt32 = 1
    /// Seconds for which SOA, NS, CAA and glue may be remembered.
    static let fixedTimeToLive: UInt32 = 3600
    /// Seconds for which the absence of a name may be remembered, by somebody who asked before it existed.
    static let negativeTimeToLive: UInt32 = 5

    static let challengeLabel = "_acme-challenge"

    /// The zone of a cluster.
    func zone(_ origin: DNSName) -> Zone {
        let authority = StartOfAuthority(
            primary: self.nameServers.first?.name ?? origin, mailbox: self.mailbox ?? origin.child("hostmaster") ?? origin, serial: 0,
            // Nobody transfers these zones. The values are within the recommendations of RFC 1912 §2.2, which some tools check.
            refresh: 7200, retry: 3600, expire: 1_209_600, minimum: Self.negativeTimeToLive)
        return Zone(
            origin: origin, authority: authority, timeToLive: Self.fixedTimeToLive,
            glue: self.nameServers.filter { $0.name.isWithin(origin) }.map { ($0.name, $0.records) },
            hosts: self.leadsToProxies ? self.proxyRecords : .empty)
    }

    /// The records that the zone has from the start.
    func fixedRecords(_ origin: DNSName) -> [(name: DNSName, records: RecordSet)] {
        let apex = self.nameServers.map { RecordData.ns($0.name) } + self.certificateAuthorities.map { .caa($0) }
        // The records of the apex share one time to live. Resolvers mostly use the parent's name servers, so a short one costs little where there are proxies.
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

extension ZoneOptions {
    private var proxyRecords: RecordSet { RecordSet(self.proxies.map { RecordData($0) }, timeToLive: Self.hostTimeToLive) }
}

extension ZoneOptions.NameServer {
    var records: RecordSet { RecordSet(self.addresses.map { RecordData($0) }, timeToLive: ZoneOptions.fixedTimeToLive) }
}

extension RecordData {
    /// An A or AAAA record for the address.
    init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self = .a(address)
        case .v6(let high, let low): self = .aaaa(high: high, low: low)
        }
    }
}
