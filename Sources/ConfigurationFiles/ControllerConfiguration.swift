package import ClusterNamesConfiguration
package import ConfigurationReading
package import GatewayHTTPConfiguration
package import PlaneMessagingConfiguration
package import PlaneService
package import SchedulerCoreConfiguration

/// The file of a cluster's central services, `controller.toml`. `scheduler`, `dns` and `gateway` read it, and each checks all of it.
package struct ControllerConfiguration: Hashable, Sendable {
    package var nats: NATSConfiguration
    package var log = LogConfiguration()
    package var scheduler = SchedulerConfiguration()
    package var dns = DNSConfiguration()
    /// Metrics settings of each service, in its own table.
    package var schedulerMetrics = MetricsConfiguration()
    package var dnsMetrics = MetricsConfiguration()
    package var gatewayMetrics = MetricsConfiguration()
    /// Nil without the table: the gateway then serves nothing, or only `http`.
    package var gateway: GatewayConfiguration?
    /// Nil without the table.
    package var http: HTTPConfiguration?

    package init(nats: NATSConfiguration) {
        self.nats = nats
    }
}

extension ControllerConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        reader.demandTable("nats", for: "every service")
        let nats = reader.table("nats") { NATSConfiguration(&$0) }
        let log = reader.section("log") { LogConfiguration(&$0) }
        let scheduler = reader.section("scheduler") { ServiceTable<SchedulerConfiguration>(&$0) }
        let dns = reader.section("dns") { ServiceTable<DNSConfiguration>(&$0) }
        let http = reader.table("http") { HTTPConfiguration(&$0) }
        let gateway = reader.table("gateway") { ServiceTable<GatewayConfiguration>(&$0) }
        guard let nats else { return nil }
        self.init(nats: nats)
        self.log = log ?? self.log
        self.scheduler = scheduler?.settings ?? self.scheduler
        self.schedulerMetrics = scheduler?.metrics ?? self.schedulerMetrics
        self.dns = dns?.settings ?? self.dns
        self.dnsMetrics = dns?.metrics ?? self.dnsMetrics
        self.http = http
        self.gateway = gateway?.settings
        self.gatewayMetrics = gateway?.metrics ?? self.gatewayMetrics
    }
}
