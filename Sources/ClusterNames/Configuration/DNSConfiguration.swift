package import ConfigurationReading
package import NetworkAddresses
package import PlaneProtocol
import PlaneService

/// Settings of the DNS server (table `dns`).
package struct DNSConfiguration: Hashable, Sendable {
    /// The port for UDP and TCP.
    package var port: UInt16 = 53
    package var bindIP: IPAddress = .v4(0)
    /// E-mail address of the person in charge of the zones, for SOA answers.
    package var soaEmail: String?
    /// This server's own name, for SOA and NS answers.
    package var domainName: String?
    /// All name servers of the zones and their addresses, for NS answers, and for names of servers inside of the zones (glue).
    package var nameServers: [String: [IPAddress]] = [:]
    /// CAA records of all zones, as in a zone file.
    package var certificateAuthorities: [String] = []
    /// Clusters whose zones are served from the start; others are served as soon as there is a message about them.
    package var clusters: [ClusterName] = []
    /// How many answers over UDP are sent per second about one name to one network, so that the server cannot be used in attacks on others; 0 for no limit.
    package var answersPerSecond: UInt32 = 100

    /// Addresses of the tier's proxies, to which the clusters' own names lead.
    package var proxies: [IPAddress] = []
    /// Whether the names of backends lead to the drones or to the tier.
    package var answers = Answers.drones

    package enum Answers: String, CaseIterable, Sendable {
        case drones, proxies
    }

    package init() {}
}

extension DNSConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read("port", .port, into: &self.port, "Port to answer on, UDP and TCP.")
        reader.read("bind_ip", .ipAddress, into: &self.bindIP, "Address to answer on.")
        self.soaEmail = reader.optional("soa_email", .email, "E-mail address of the person in charge of the zone, for SOA answers.")
        self.domainName = reader.optional("domain_name", .string, "Name of this server, for SOA and NS answers.")
        self.nameServers =
            reader.optional(
                "name_servers", .addressTable, "Addresses of all name servers by name, for NS answers; needed for names inside of a cluster's zone.")
            ?? [:]
        self.certificateAuthorities =
            reader.optional("caa", .list(of: .string, mayBeEmpty: true), "CAA records of every cluster, such as '0 issue \"letsencrypt.org\"'.") ?? []
        self.clusters =
            reader.optional("clusters", .list(of: .clusterName, mayBeEmpty: true), "Clusters to answer for before anything is known of them.") ?? []
        for cluster in self.clusters { if let concern = cluster.concern { reader.warn("clusters", reason: "of \(cluster), \(concern)") } }
        for names in Dictionary(grouping: self.clusters, by: \.subjectToken).values where Set(names).count > 1 {
            let shown = Set(names).map(\.rawValue).sorted().joined(separator: " and ")
            reader.warn("clusters", reason: "\(shown) are the same on NATS, and get each other's messages")
        }
        self.proxies =
            reader.optional("proxies", .list(of: .ipAddress, mayBeEmpty: true), "Addresses of the tier (gateway-proxy), to which the clusters' own names lead.")
            ?? []
        reader.read(
            "answers", .choice(), into: &self.answers, "Whether the names of backends lead to their drones, or every name of a cluster to its proxies.")
        if self.answers == .proxies, self.proxies.isEmpty { reader.missing("proxies", expectation: "addresses, for answers is \"proxies\"") }
        reader.read(
            "answers_per_second", .count, into: &self.answersPerSecond,
            "Most UDP answers per second about one thing to one network, against misuse in attacks on others; 0 for no limit.")
    }
}

extension ConfigType where Value == [String: [IPAddress]] {
    static let addressTable = ConfigType.table(of: .list(of: .ipAddress, mayBeEmpty: true), "a table of lists of IPv4 and IPv6 addresses")
}
