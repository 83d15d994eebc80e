import ConfigurationReading
import NIOCore
import PlaneProtocol
import ProxyCore
import ProxyCoreConfiguration
import ProxyPages
import Testing
import TierProxyPolicy
import VisitorTokens

@testable import TierProxy

@Suite("What a proxy of the tier reads of its file")
struct TierSettingsTests {
    private static let least = """
        cluster_domain = "plane.test"
        nats = { hosts = ["nats.example"] }
        [proxy]
        inner_secret = "0123456789abcdef0123456789abcdef"

        """

    private static func load(_ toml: String) throws(ConfigurationError) -> TierProxySettings {
        try ConfigurationLoader.load(TierProxySettings.self, toml: toml, environment: [:]).configuration
    }

    @Test("its keys reach the proxy, and requests wait for five minutes unless it says otherwise")
    func keys() throws {
        let options = try Self.load(Self.least + "root_redirect_url = \"https://app.example/\"\nhold_timeout_secs = 7").proxyOptions(openFiles: 1024)
        #expect(options.cluster.rawValue == "plane.test")
        #expect(options.rootRedirect == "https://app.example/")
        #expect(options.limits.hold == .seconds(7))
        #expect(options.hopTLS == nil)
        #expect(try Self.load(Self.least).proxyOptions(openFiles: 1024).limits.hold == .seconds(300))
    }

    @Test("an empty variable is as good as none, for every key that need not be there")
    func emptyIsUnset() throws {
        let load = { (environment: [String: String]) in
            EffectiveConfiguration(try ConfigurationLoader.load(TierProxySettings.self, toml: Self.least, environment: environment).entries).description
        }
        let plain = try load([:])
        let keys = ConfigurationLoader.describe(TierProxySettings.self).filter { $0.presence != .required }.map(\.path)
        #expect(keys.count > 30)
        for key in keys {
            let variable = "PLANE_\(key.joined(separator: "__").uppercased())"
            #expect(try load([variable: ""]) == plain, "\(variable)")
        }
    }

    @Test("browsers get pages unless it says otherwise")
    func pages() throws {
        #expect(try Self.load(Self.least + "pages = { waiting_after_secs = 7 }").proxyOptions(openFiles: 1024).pages?.waitingAfter == .seconds(7))
        #expect(try Self.load(Self.least + "pages = { enabled = false }").proxyOptions(openFiles: 1024).pages == nil)
    }

    @Test("drones are spoken to by TLS under the cluster's name, where that is asked for")
    func innerTLS() throws {
        let options = try Self.load(Self.least + "inner_tls = true").proxyOptions(openFiles: 1024)
        #expect(options.hopTLS?.serverName == "plane.test")
    }

    @Test(
        "without NATS, or without the secret that drones know, or with one that is too short, it does not start",
        arguments: [
            ("cluster_domain = \"plane.test\"\n[proxy]\ninner_secret = \"0123456789abcdef0123456789abcdef\"", "nats"),
            ("cluster_domain = \"plane.test\"\nnats = { hosts = [\"nats.example\"] }", "proxy.inner_secret"),
            ("cluster_domain = \"plane.test\"\nnats = { hosts = [\"nats.example\"] }\nproxy = { inner_secret = \"short\" }", "proxy.inner_secret"),
        ])
    func mistakes(toml: String, key: String) {
        let error = #expect(throws: ConfigurationError.self) { try Self.load(toml) }
        #expect(error?.mistakes.contains { "\($0)".contains(key) } == true)
        #expect(error?.mistakes.contains { "\($0)".contains("short\"") } == false)
    }

    @Test("it is named as in its file, or by a name of its own")
    func names() throws {
        var generator = SystemRandomNumberGenerator()
        #expect(try Self.load("drone_id = \"px-7\"\n" + Self.least).proxyID(using: &generator).rawValue == "px-7")
        let made = try Self.load(Self.least).proxyID(using: &generator).rawValue
        #expect(made.hasPrefix("px-") && made.utf8.count == 17)
    }

    @Test("it may serve several clusters, each with a name and a certificate of its own")
    func clusters() throws {
        let settings = try Self.load(Self.least + "clusters = { \"other.test\" = \"/etc/plane/other\", \"third.test:8443\" = \"/etc/plane/third\" }")
        #expect(settings.clusters.map(\.rawValue) == ["plane.test", "other.test", "third.test:8443"])
        let options = try settings.proxyOptions(for: settings.clusters[1], openFiles: 1024)
        #expect(options.cluster.rawValue == "other.test")
    }

    @Test(
        "clusters that it has already, or that are no names, and keys that are none are told",
        arguments: [
            ("clusters = { \"plane.test\" = \"/x\" }", "proxy.clusters"), ("clusters = { \"a.test:1\" = \"/x\", \"a.test:2\" = \"/x\" }", "proxy.clusters"),
            ("clusters = { \"..\" = \"/x\" }", "proxy.clusters"), ("token_keys = [\"short\"]", "proxy.token_keys"),
            ("inner_port = 80", "proxy.inner_port"),
        ])
    func otherMistakes(line: String, key: String) {
        let error = #expect(throws: ConfigurationError.self) { try Self.load(Self.least + line) }
        #expect(error?.mistakes.contains { "\($0)".contains(key) } == true)
    }

    @Test("a text that is no key of signed tokens is named and not shown, for it may be a private key; no keys are none")
    func unreadableTokenKeys() throws {
        let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        let error = try #require(throws: ConfigurationError.self) { try Self.load(Self.least + "token_keys = [\"\(key)\", \"\(key)=\"]") }
        #expect(
            "\(error)".hasPrefix(
                "proxy.token_keys: found something else as element 2 of the list (not shown, it may be secret), expected a list, each a public key"))
        #expect(try Self.load(Self.least + "token_keys = []").proxyOptions(openFiles: 1024).tokenKeys.isEmpty)
    }

    @Test("keys of signed tokens reach the proxy")
    func tokenKeys() throws {
        let options = try Self.load(Self.least + "token_keys = [\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"]").proxyOptions(openFiles: 1024)
        #expect(options.tokenKeys.map(\.id) == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"])
    }
}

extension TierProxySettings {
    fileprivate func proxyOptions(openFiles: Int) throws -> TierProxyOptions { try self.proxyOptions(for: self.cluster, openFiles: openFiles) }
}
