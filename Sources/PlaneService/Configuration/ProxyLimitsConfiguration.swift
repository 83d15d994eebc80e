/// Bounds on what visitors and backends may make the proxy hold or wait for (table `proxy.limits`).
package struct ProxyLimitsConfiguration: Hashable, Sendable {
    /// 0 means as many as the process may have descriptors for.
    package var maxConnections: UInt32 = 0
    package var maxConnectionsPerAddress: UInt32 = 4096
    package var headBytes: UInt32 = 32 * 1024
    package var headLineBytes: UInt32 = 16 * 1024
    package var headFields: UInt32 = 128
    package var headTimeout: Duration = .seconds(15)
    package var keepAliveTimeout: Duration = .seconds(75)
    package var bodyIdleTimeout: Duration = .seconds(60)
    package var connectTimeout: Duration = .seconds(5)
    package var responseTimeout: Duration = .seconds(300)
    package var responseIdleTimeout: Duration = .seconds(3600)
    package var writeTimeout: Duration = .seconds(120)
    /// Zero lets WebSockets be silent for ever.
    package var webSocketIdleTimeout: Duration = .zero
    package var tcpKeepAlive: Duration = .seconds(60)
    package var upstreamIdleConnections: UInt32 = 32
    package var upstreamIdleTimeout: Duration = .seconds(60)

    package init() {}
}

extension ProxyLimitsConfiguration: ConfigReadable {
    private static let day: Int64 = 86_400

    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.readSizes(&reader)
        self.readTimes(&reader)
    }

    private mutating func readSizes(_ reader: inout ConfigReader) {
        reader.read(
            "max_connections", .count, into: &self.maxConnections,
            "Connections of visitors open at once; new ones wait then. 0: as many as the limit on open files allows.")
        reader.read(
            "max_connections_per_address", .count, into: &self.maxConnectionsPerAddress,
            "Connections of one visitor (an IPv4 address or an IPv6 /64); more are closed at once. 0: no limit.")
        reader.read("head_bytes", .number(1024...1_048_576), into: &self.headBytes, "Bytes of a request's or response's head.")
        reader.read("head_line_bytes", .number(1024...1_048_576), into: &self.headLineBytes, "Bytes of one line of it.")
        reader.read("head_fields", .number(16...10_000), into: &self.headFields, "Header fields in it.")
        reader.read(
            "upstream_idle_connections", .count, into: &self.upstreamIdleConnections,
            "Idle connections that each thread keeps to one backend, for the next request; of more, each is kept for two seconds. 0: none at all.")
    }

    private mutating func readTimes(_ reader: inout ConfigReader) {
        reader.read(
            "head_timeout_secs", .seconds(1...3600), into: &self.headTimeout,
            "Seconds from accepting a connection, or from a request's first byte, to the end of its head.")
        reader.read(
            "keep_alive_timeout_secs", .seconds(1...Self.day), into: &self.keepAliveTimeout, "Seconds a connection is kept between two requests.")
        reader.read(
            "body_idle_timeout_secs", .seconds(1...Self.day), into: &self.bodyIdleTimeout, "Seconds without a byte of a request body that is to come.")
        reader.read(
            "connect_timeout_secs", .seconds(1...300), into: &self.connectTimeout, "Seconds until a backend has to accept a connection.")
        reader.read(
            "response_timeout_secs", .seconds(1...Self.day), into: &self.responseTimeout,
            "Seconds from a request's end to the head of its response; long polls must fit.")
        reader.read(
            "response_idle_timeout_secs", .seconds(1...Self.day), into: &self.responseIdleTimeout,
            "Seconds without a byte of a response body; event streams may be silent for long.")
        reader.read(
            "write_timeout_secs", .seconds(1...Self.day), into: &self.writeTimeout, "Seconds in which a peer takes nothing of what waits for it.")
        reader.read(
            "websocket_idle_timeout_secs", .seconds(0...Self.day), into: &self.webSocketIdleTimeout,
            "Seconds without a byte through a WebSocket in either direction; 0 lets it be silent for ever.")
        reader.read(
            "tcp_keepalive_secs", .seconds(1...Self.day), into: &self.tcpKeepAlive,
            "Seconds of silence after which TCP asks whether the peer is still there; it is given up a minute later.")
        reader.read(
            "upstream_idle_timeout_secs", .seconds(1...Self.day), into: &self.upstreamIdleTimeout,
            "Seconds after which an idle connection to a backend is not used again; less than the backend's own limit.")
    }
}
