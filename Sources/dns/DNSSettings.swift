import ClusterNames
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DNSCore
import NetworkAddresses
import NIOCore
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService

/// The settings of `dns`, from `controller.toml`.
struct DNSSettings: ServiceSettings {
    let nats: NATSConfiguration
    let log: LogConfiguration
    let dns: DNSConfiguration
    let metrics: MetricsConfiguration
    let zones: ZoneOptions

    init?(_ reader: inout ConfigReader) {
        guard let file = ControllerConfiguration(&reader) else { return nil }
        self.nats = file.nats
        self.log = file.log
        self.dns = file.dns
        self.metrics = file.dnsMetrics
        self.zones = Self.zones(file.dns, &reader)
    }

    private static func zones(_ dns: DNSConfiguration, _ reader: inout ConfigReader) -> ZoneOptions {
        var zones = ZoneOptions()
        let names = (dns.domainName.map { [$0] } ?? []) + dns.nameServers.keys.filter { $0 != dns.domainName }.sorted()
        for text in names {
            guard let name = DNSName(text), name != .root else {
                let key = text == dns.domainName ? "dns.domain_name" : "dns.name_servers"
                reader.mistake(key, found: text, expectation: "a domain name such as ns1.plane.test")
                continue
            }
            zones.nameServers.append(ZoneOptions.NameServer(name: name, addresses: dns.nameServers[text] ?? []))
        }
        if let email = dns.soaEmail {
            zones.mailbox = DNSName(mailbox: email)
            if zones.mailbox == nil {
                reader.mistake("dns.soa_email", found: email, expectation: "an e-mail address at a domain, no part longer than 63 bytes")
            }
        }
        for (index, text) in dns.certificateAuthorities.enumerated() {
            guard let property = CAAProperty(text) else {
                reader.mistake(
                    "dns.caa", ConfigFault(.string(text), element: index),
                    expectation: "a list, each flags, tag and value as in 0 issue \"letsencrypt.org\"")
                continue
            }
            zones.certificateAuthorities.append(property)
        }
        zones.proxies = dns.proxies
        zones.leadsToProxies = dns.answers == .proxies
        return zones
    }

    func serverConfiguration() throws -> DNSServerOptions {
        var configuration = DNSServerOptions(
            address: try SocketAddress(ipAddress: self.dns.bindIP.description, port: Int(self.dns.port)))
        configuration.answersPerSecond = self.dns.answersPerSecond
        return configuration
    }
}
