package import ConfigurationReading
package import NetworkAddresses
package import PlaneProtocol
import PlaneService

/// Settings of the HTTP interface that the controller of 0.3 had (table `http`).
package struct HTTPConfiguration: Hashable, Sendable {
    package var port: UInt16 = 9090
    package var bindIP: IPAddress = .v4(0)
    /// The image of each service that may be requested by name.
    package var services: [String: String]
    package var cluster: ClusterName

    package init(services: [String: String], cluster: ClusterName) {
        self.services = services
        self.cluster = cluster
    }
}

extension HTTPConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        var port: UInt16 = 9090
        var bindIP = IPAddress.v4(0)
        reader.read("port", .port, into: &port, "Port on which the gateway serves the HTTP interface of 0.3.")
        reader.read("bind_ip", .ipAddress, into: &bindIP, "Its address.")
        let services = reader.required("services", .stringTable, "Table of the names that may be asked for, with the image of each.")
        let cluster = reader.required("cluster", .clusterName, "Cluster that it starts backends in.")
        guard let services, let cluster else { return nil }
        self.init(services: services, cluster: cluster)
        self.port = port
        self.bindIP = bindIP
    }
}
