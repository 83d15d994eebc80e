package import CertificateCoreConfiguration
package import ConfigurationReading
package import DroneCoreConfiguration
package import PlaneMessagingConfiguration
package import PlaneProtocol
package import PlaneService
package import ProxyCoreConfiguration

/// The file of a drone, `drone.toml`. `drone-agent`, `drone-proxy` and `cert-refresher` read it, and each checks all of it.
package struct DroneConfiguration: Hashable, Sendable {
    /// Nil lets the agent make an id at its first start, which it then keeps in the database.
    package var droneID: DroneID?
    /// The drone's database with its backends, shared by agent and proxy.
    package var databasePath = "drone.sqlite3"
    package var cluster: ClusterName
    /// Nil only if nothing but the proxy runs.
    package var nats: NATSConfiguration?
    package var log = LogConfiguration()
    package var cert: CertConfiguration?
    package var acme: ACMEConfiguration?
    package var agent: AgentConfiguration?
    package var proxy = ProxyConfiguration()
    /// Metrics settings of each service, in its own table.
    package var agentMetrics = MetricsConfiguration()
    package var proxyMetrics = MetricsConfiguration()
    package var acmeMetrics = MetricsConfiguration()

    package init(cluster: ClusterName) {
        self.cluster = cluster
    }
}

extension DroneConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let droneID = reader.optional("drone_id", .droneID, "Name of this drone; if not set, one made up at its first start and kept in db_path.")
        var databasePath = "drone.sqlite3"
        reader.read("db_path", .path, into: &databasePath, "SQLite file that agent and proxy share.")
        let cluster = reader.required("cluster_domain", .clusterName, "Cluster the drone belongs to; backends answer on <backend>.<cluster>.")
        if let concern = cluster?.concern { reader.warn("cluster_domain", reason: concern) }
        let nats = reader.table("nats") { NATSConfiguration(&$0) }
        let log = reader.section("log") { LogConfiguration(&$0) }
        let cert = reader.table("cert") { CertConfiguration(&$0) }
        if reader.isTable("acme") {
            reader.demandTable("cert", for: "the table acme")
        }
        let acme = reader.table("acme") { ServiceTable<ACMEConfiguration>(&$0) }
        let agent = reader.table("agent") { ServiceTable<AgentConfiguration>(&$0) }
        let proxy = reader.section("proxy") { ServiceTable<ProxyConfiguration>(&$0) }
        guard let cluster else { return nil }
        self.init(cluster: cluster)
        self.droneID = droneID
        self.databasePath = databasePath
        self.nats = nats
        self.log = log ?? self.log
        self.cert = cert
        self.acme = acme?.settings
        self.acmeMetrics = acme?.metrics ?? self.acmeMetrics
        self.agent = agent?.settings
        self.agentMetrics = agent?.metrics ?? self.agentMetrics
        self.proxy = proxy?.settings ?? self.proxy
        self.proxyMetrics = proxy?.metrics ?? self.proxyMetrics
    }
}
