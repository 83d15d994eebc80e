package import PlaneProtocol

/// Settings of the DNS server (table `dns`).
package struct DNSConfiguration: Hashable, Sendable {
    /// UDP and TCP.
    package var port: UInt16 = 53
    package var bindIP: IPAddress = .v4(0)
    /// Person in charge of the zone, for SOA answers.
    package var soaEmail: String?
    /// This server's own name, for SOA and NS answers.
    package var domainName: String?
    package var metrics = MetricsConfiguration()

    package init() {}
}

extension DNSConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read("port", .port, into: &self.port, "Port to answer on, UDP and TCP.")
        reader.read("bind_ip", .ipAddress, into: &self.bindIP, "Address to answer on.")
        self.soaEmail = reader.optional("soa_email", .email, "E-mail address of the person in charge of the zone, for SOA answers.")
        self.domainName = reader.optional("domain_name", .string, "Name of this server, for SOA and NS answers.")
        self.metrics = reader.section("metrics") { MetricsConfiguration(&$0) } ?? self.metrics
    }
}
