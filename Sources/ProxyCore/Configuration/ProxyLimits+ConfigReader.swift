package import ConfigurationReading
import NIOCore

/// The table `proxy.limits`.
extension ProxyLimits: ConfigReadable {
    private static let day: Int64 = 86_400
    private static let number = ConfigType<Int>.integer(0...Int(UInt32.max))

    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.readSizes(&reader)
        self.readTimes(&reader)
    }

    private mutating func readSizes(_ reader: inout ConfigReader) {
        reader.read(
            "max_connections", Self.number, into: &self.connections,
            "Connections of visitors open at once; new ones wait then. 0: as many as the limit on open files allows.")
        reader.read(
            "max_connections_per_address", Self.number, into: &self.connectionsPerAddress,
            "Connections of one visitor (an IPv4 address or an IPv6 /64); more are closed at once. 0: no limit.")
        reader.read("head_bytes", .integer(1024...1_048_576), into: &self.headBytes, "Bytes of a request's or response's head.")
        reader.read("head_line_bytes", .integer(1024...1_048_576), into: &self.lineBytes, "Bytes of one line of it.")
        reader.read("head_fields", .integer(16...10_000), into: &self.fieldCount, "Header fields in it.")
        reader.read(
            "upload_window_bytes", .integer(65_535...67_108_864), into: &self.uploadWindowBytes,
            "Bytes that a client of HTTP/2 may send ahead on one connection, once it has shown that it sends as fast: uploads run at this much "
                + "per round trip at most.")
        reader.read(
            "upload_windows_bytes", Self.number, into: &self.uploadWindowsBytes,
            "What all connections of HTTP/2 together may be sent ahead, and hold for backends that take nothing, beyond 64 KiB each.")
        reader.read(
            "upstream_idle_connections", Self.number, into: &self.idleUpstreamsPerBackend,
            "Idle connections that each thread keeps to one backend, for the next request; of more, each is kept for two seconds. 0: none at all.")
    }

    private mutating func readTimes(_ reader: inout ConfigReader) {
        reader.read(
            "head_timeout_secs", .seconds(1...3600), into: &self.requestHead,
            "Seconds from accepting a connection, or from a request's first byte, to the end of its head.")
        reader.read(
            "keep_alive_timeout_secs", .seconds(1...Self.day), into: &self.keepAlive, "Seconds a connection is kept between two requests.")
        reader.read(
            "body_idle_timeout_secs", .seconds(1...Self.day), into: &self.requestBodyIdle, "Seconds without a byte of a request body that is to come.")
        reader.read(
            "connect_timeout_secs", .seconds(1...300), into: &self.connect, "Seconds until a backend has to accept a connection.")
        reader.read(
            "response_timeout_secs", .seconds(1...Self.day), into: &self.response,
            "Seconds from a request's end to the head of its response; long polls must fit.")
        reader.read(
            "response_idle_timeout_secs", .seconds(1...Self.day), into: &self.responseBodyIdle,
            "Seconds without a byte of a response body; event streams may be silent for long.")
        reader.read(
            "write_timeout_secs", .seconds(1...Self.day), into: &self.writeIdle, "Seconds in which a peer takes nothing of what waits for it.")
        var tunnelIdle = self.tunnelIdle ?? .zero
        reader.read(
            "websocket_idle_timeout_secs", .seconds(0...Self.day), into: &tunnelIdle,
            "Seconds without a byte through a WebSocket in either direction; 0 lets it be silent for ever.")
        self.tunnelIdle = tunnelIdle == .zero ? nil : tunnelIdle
        reader.read(
            "tcp_keepalive_secs", .seconds(1...Self.day), into: &self.keepAliveProbe,
            "Seconds of silence after which TCP asks whether the peer is still there; it is given up a minute later.")
        reader.read(
            "upstream_idle_timeout_secs", .seconds(1...Self.day), into: &self.upstreamKeepAlive,
            "Seconds after which an idle connection to a backend is not used again; less than the backend's own limit.")
    }
}

extension ConfigType where Value == TimeAmount {
    static func seconds(_ range: ClosedRange<Int64>) -> ConfigType {
        let type = ConfigType<Duration>.seconds(range)
        return ConfigType(
            type.expectation, read: { type.read($0).map { TimeAmount($0) } }, show: { type.show(.nanoseconds($0.nanoseconds)) })
    }
}
