import NIOCore
import PlaneService
import ProxyCore
import Testing

@testable import drone_proxy

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
            """)
        let options = try settings.proxyOptions()
        #expect(options.clusterName == "plane.test")
        #expect(options.allowsPathRouting)
        #expect(options.passthrough?.port == 9000)
        #expect(options.limits.hold == .seconds(7))
    }

    @Test(
        "what would need TLS is refused, rather than served in the clear",
        arguments: ["[cert]\nkey_path = \"k\"\ncert_path = \"c\"", "[proxy]\nhttps_port = 443"])
    func tls(part: String) {
        #expect(throws: ConfigurationError.self) { try Self.load("cluster_domain = \"plane.test\"\n\(part)") }
    }
}
