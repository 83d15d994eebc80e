package import ConfigurationReading
package import NetworkAddresses

/// The address of a service's metrics (table `metrics` inside of the service's own table, because one file serves several services).
package struct MetricsConfiguration: Hashable, Sendable {
    /// Loopback by default, because metrics say more than strangers should know.
    package var bindIP: IPAddress = .v4(0x7F00_0001)
    /// The port for plain HTTP; nil serves no metrics.
    package var port: UInt16?

    package init(port: UInt16? = nil) {
        self.port = port
    }
}

extension MetricsConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read("bind_ip", .ipAddress, into: &self.bindIP, "Address that Prometheus metrics are served on, at /metrics.")
        self.port = reader.optional("port", .port, "Port that they are served on; not served if not set.")
    }
}
