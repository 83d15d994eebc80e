import ConfigurationFiles
import ConfigurationReading
import DroneProxyPolicy
import NIOCore
import PlaneService
import ProxyCore
import ProxyCoreConfiguration
import Testing

@testable import DroneProxy

@Suite("What the proxy reads of drone.toml")
struct DroneProxySettingsTests {
    private static func load(_ toml: String) throws(ConfigurationError) -> DroneProxySettings {
        try ConfigurationLoader.load(DroneProxySettings.self, toml: toml, environment: [:]).configuration
    }

    @Test("its keys reach the proxy")
    func keys() throws {
        let settings = try Self.load(
            """
            cluster_domain = "plane.test"
            [proxy]
            allow_path_routing = true
            passthrough = "127.0.0.1:9000"
            hold_timeout_secs = 7
            trust_forwarded = true
            allow_preflight = true
            hsts_max_age_secs = 31536000
            proxy_protocol_from = ["10.0.0.0/8", "::1"]
            [proxy.limits]
            max_connections = 500
            max_connections_per_address = 7
            head_bytes = 8192
            head_line_bytes = 4096
            head_fields = 50
            upload_window_bytes = 100000
            upload_windows_bytes = 200000
            head_timeout_secs = 3
            keep_alive_timeout_secs = 4
            body_idle_timeout_secs = 5
            connect_timeout_secs = 6
            response_timeout_secs = 8
            response_idle_timeout_secs = 9
            write_timeout_secs = 10
            websocket_idle_timeout_secs = 11
            tcp_keepalive_secs = 12
            upstream_idle_connections = 13
            upstream_idle_timeout_secs = 14
            """)
        let options = try settings.proxyOptions(openFiles: 20_000)
        #expect(options.clusterName == "plane.test")
        #expect(options.allowsPathRouting)
        #expect(options.passthrough?.port == 9000)
        #expect(options.trustsForwarding)
        #expect(options.allowsPreflights)
        #expect(options.strictTransportSecurity == 31_536_000)
        #expect(settings.listener(.http).proxyProtocolSources.map(\.description) == ["10.0.0.0/8", "::1/128"])
        let limits = options.limits
        #expect([limits.connections, limits.connectionsPerAddress, limits.idleUpstreamsPerBackend] == [500, 7, 13])
        #expect([limits.headBytes, limits.lineBytes, limits.fieldCount] == [8192, 4096, 50])
        #expect([limits.uploadWindowBytes, limits.uploadWindowsBytes] == [100_000, 200_000])
        #expect(
            [limits.requestHead, limits.keepAlive, limits.requestBodyIdle, limits.connect] == [.seconds(3), .seconds(4), .seconds(5), .seconds(6)])
        #expect(
            [limits.hold, limits.response, limits.responseBodyIdle, limits.writeIdle]
                == [.seconds(7), .seconds(8), .seconds(9), .seconds(10)])
        #expect([limits.tunnelIdle, limits.keepAliveProbe, limits.upstreamKeepAlive] == [.seconds(11), .seconds(12), .seconds(14)])
    }

    @Test("a cluster may be named with the port of its visitors")
    func clusterWithPort() throws {
        #expect(try Self.load("cluster_domain = \"localhost:8322\"").proxyOptions(openFiles: 1024).clusterName == "localhost:8322")
    }

    @Test("by default as many connections may be open as there are descriptors for, two each", arguments: [(20_000, 9488), (1024, 256), (64, 16)])
    func openFiles(openFiles: Int, connections: Int) throws {
        let settings = try Self.load("cluster_domain = \"plane.test\"")
        let limits = try settings.proxyOptions(openFiles: openFiles).limits
        #expect(limits.connections == connections)
        #expect(limits.tunnelIdle == nil)
    }

    private static let certificate = "[cert]\nkey_path = \"k\"\ncert_path = \"c\"\n"

    @Test("with a certificate HTTPS is on 443 or the port that is given; without one there is none")
    func ports() throws {
        let start = "cluster_domain = \"plane.test\"\n"
        #expect(try Self.load(start).httpsPort == nil)
        #expect(try Self.load(start + Self.certificate).httpsPort == 443)
        #expect(try Self.load(start + Self.certificate + "[proxy]\nhttps_port = 8443").httpsPort == 8443)
    }

    @Test("plain HTTP leads to the HTTPS port, or to the number that visitors know it by")
    func redirectPort() throws {
        let start = "cluster_domain = \"plane.test\"\n"
        #expect(try Self.load(start).redirectPort == nil)
        #expect(try Self.load(start + Self.certificate).redirectPort == 443)
        #expect(try Self.load(start + Self.certificate + "[proxy]\nhttps_port = 8443").redirectPort == 8443)
        let behind = try Self.load(start + Self.certificate + "[proxy]\nhttps_port = 8443\npublic_https_port = 443")
        #expect(behind.redirectPort == 443)
        #expect(behind.httpsPort == 8443)
    }

    private static let secret = "inner_secret = \"0123456789abcdef0123456789abcdef\"\n"

    @Test("requests of the tier come on a port of their own, by TLS where there is a certificate and nothing else is said")
    func inner() throws {
        let start = "cluster_domain = \"plane.test\"\n"
        let none = try Self.load(start)
        #expect(none.innerPort == nil)
        #expect(try none.proxyOptions(openFiles: 1024).hopSecret == nil)
        let inner = "[proxy]\ninner_port = 8444\n" + Self.secret
        let clear = try Self.load(start + inner)
        #expect(clear.innerPort == 8444 && !clear.servesInnerTLS && clear.innerListener(nil).isInner)
        #expect(try clear.proxyOptions(openFiles: 1024).hopSecret != nil)
        #expect(try Self.load(start + Self.certificate + inner).servesInnerTLS)
        #expect(try !Self.load(start + Self.certificate + inner + "inner_tls = false").servesInnerTLS)
    }

    @Test(
        "what cannot be meant is refused",
        arguments: [
            "[proxy]\nhttps_port = 443", "\(Self.certificate)[proxy]\nhttps_port = 80", "[proxy]\nproxy_protocol_from = [\"10.0.0.0/33\"]",
            "[proxy]\ninner_port = 8444", "[proxy]\ninner_port = 80\n\(Self.secret)", "[proxy]\ninner_secret = \"short\"",
            "[proxy]\ninner_port = 8444\ninner_tls = true\n\(Self.secret)", "[proxy]\npublic_https_port = 443", "[proxy.limits]\nhead_bytes = 1",
            "[proxy.limits]\nhead_timeout_secs = 0",
        ])
    func mistakes(part: String) {
        #expect(throws: ConfigurationError.self) { try Self.load("cluster_domain = \"plane.test\"\n\(part)") }
    }
}
