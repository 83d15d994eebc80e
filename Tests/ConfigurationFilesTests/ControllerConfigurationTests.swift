import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import GatewayHTTPConfiguration
import NetworkAddresses
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Controller configuration") struct ControllerConfigurationTests {
    @Test("a file of 0.3 with every key is read, without a warning")
    func completeFile() throws {
        let loaded = try ConfigurationLoader.load(
            ControllerConfiguration.self,
            toml: """
                [nats]
                hosts = ["localhost"]
                auth.token = "t"
                [scheduler]
                [dns]
                port = 5353
                bind_ip = "127.0.0.1"
                soa_email = "ops@plane.test"
                domain_name = "ns.plane.test"
                [http]
                port = 9091
                bind_ip = "127.0.0.1"
                cluster = "plane.test"
                [http.services]
                Editor = "registry.example/editor:4"
                """)
        let controller = loaded.configuration
        #expect(controller.nats.hosts == ["localhost"])
        #expect(controller.nats.authentication == .token("t"))
        #expect(controller.dns.port == 5353)
        #expect(controller.dns.soaEmail == "ops@plane.test")
        #expect(controller.http?.services == ["Editor": "registry.example/editor:4"])
        #expect(controller.http?.cluster.rawValue == "plane.test")
        #expect(loaded.warnings.isEmpty)
    }

    @Test("what the gateway is told is read, and tokens are hashes")
    func gateway() throws {
        let hash = String(repeating: "a", count: 64)
        let loaded = try ConfigurationLoader.load(
            ControllerConfiguration.self,
            toml: """
                nats.hosts = ["localhost"]
                [gateway]
                http_port = 8081
                bind_ip = "0.0.0.0"
                default_cluster = "plane.test"
                url = "https://gateway.example/base"
                token_lifetime_secs = 600
                proxy_tier = true
                audit = false
                limits = { requests_per_sec = 50 }
                [gateway.tokens]
                shop = "sha256:\(hash) write cluster=plane.test namespace=shop/"
                """)
        let gateway = try #require(loaded.configuration.gateway)
        #expect(gateway.port == 8081 && gateway.bindIP == .v4(0) && gateway.defaultCluster?.rawValue == "plane.test" && gateway.hasProxyTier && !gateway.audits)
        #expect(gateway.tokenLifetime == .seconds(600) && gateway.limits == GatewayConfiguration.Limits(requestsPerSecond: 50, burst: 100))
        #expect(gateway.tokens.map(\.name) == ["shop"] && gateway.tokens[0].mayWrite && gateway.tokens[0].namespaces == ["shop/"])
        #expect(loaded.warnings.isEmpty)
    }

    @Test(
        "what the gateway cannot use is told with its key",
        arguments: [
            ("", "gateway.http_port"), ("http_port = 1\ntokens = { a = 'secret' }", "gateway.tokens"), ("http_port = 1\nurl = 'x'", "gateway.url"),
            ("http_port = 1\nforward_auth = 'http://x/'\ntokens = { a = 'sha256:\(String(repeating: "a", count: 64)) read' }", "gateway.tokens"),
            ("http_port = 1\nlimits = {}", "gateway.limits.requests_per_sec"), ("http_port = 1\ndefault_cluster = 'a:b'", "gateway.default_cluster"),
        ])
    func gatewayMistakes(text: String, key: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(ControllerConfiguration.self, toml: "nats.hosts = ['localhost']\n[gateway]\n\(text)")
        }
        #expect(error.description.contains(key))
    }

    @Test("without NATS there is nothing to control")
    func natsIsRequired() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(ControllerConfiguration.self, toml: "[scheduler]")
        }
        #expect(error.description == "nats: found nothing, expected a table, which every service needs")
    }

    @Test("environment variables alone are enough")
    func environmentAlone() throws {
        let controller = try ConfigurationLoader.load(
            ControllerConfiguration.self, file: nil,
            environment: ["PLANE_NATS__HOSTS": "a:4222, tls://b", "PLANE_SCHEDULER__METRICS__PORT": "9100", "PATH": "/bin"]
        ).configuration
        #expect(controller.nats.hosts == ["a:4222", "tls://b"])
        #expect(controller.schedulerMetrics.port == 9100)
    }

    @Test("what is kept how long, and how often, may be configured; 0 means for ever where it can")
    func scheduler() throws {
        let defaults = SchedulerConfiguration()
        #expect(defaults.replicas == 3)
        #expect(defaults.lostAfter == .seconds(300))
        #expect(defaults.endedRetention == .seconds(24 * 3600))
        #expect(defaults.historyRetention == .seconds(7 * 24 * 3600))
        #expect(defaults.historyMaxBytes == 1 << 30)
        let scheduler = try ConfigurationLoader.load(
            ControllerConfiguration.self,
            toml: """
                [nats]
                hosts = ["localhost"]
                [scheduler]
                replicas = 5
                lost_after_secs = 0
                ended_retention_secs = 60
                history_retention_secs = 0
                history_max_bytes = 0
                """
        ).configuration.scheduler
        #expect(scheduler.replicas == 5)
        #expect(scheduler.lostAfter == nil)
        #expect(scheduler.endedRetention == .seconds(60))
        #expect(scheduler.historyRetention == nil)
        #expect(scheduler.historyMaxBytes == nil)
    }

    @Test("a limit of what is kept that keeps nothing is refused")
    func tooLittleHistory() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(ControllerConfiguration.self, toml: "nats.hosts = ['a']\n[scheduler]\nhistory_max_bytes = 1000")
        }
        #expect("\(error)".contains("history_max_bytes"))
    }

    @Test("a drone is not written off before it stops getting backends")
    func lostTooSoon() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(
                ControllerConfiguration.self, toml: "nats.hosts = ['a']\n[scheduler]\nlost_after_secs = 29\nreplicas = 6")
        }
        #expect(error.description.contains("scheduler.lost_after_secs: found 29, expected 0, or at least the 30"))
        #expect(error.description.contains("scheduler.replicas: found 6, expected a number from 1 to 5"))
    }

    @Test("name servers with addresses, CAA records and clusters of the DNS server")
    func dns() throws {
        let dns = try ConfigurationLoader.load(
            ControllerConfiguration.self,
            toml: """
                nats.hosts = ["localhost"]
                [dns]
                name_servers = { "ns1.plane.test" = ["203.0.113.53", "2001:db8::53"], "ns2.plane.test" = [] }
                caa = ['0 issue "ca.example"']
                clusters = ["plane.test"]
                answers_per_second = 0
                """
        ).configuration.dns
        #expect(dns.nameServers == ["ns1.plane.test": [IPAddress("203.0.113.53")!, IPAddress("2001:db8::53")!], "ns2.plane.test": []])
        #expect(dns.certificateAuthorities == ["0 issue \"ca.example\""])
        #expect(dns.clusters.map(\.rawValue) == ["plane.test"])
        #expect(dns.answersPerSecond == 0)
    }

    @Test(
        "a table of addresses with anything else in it is a mistake",
        arguments: ["{ a = [\"x\"] }", "{ a = 7 }", "[\"203.0.113.53\"]", "{ a = [\"203.0.113.53\", 7] }"])
    func wrongAddresses(text: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(ControllerConfiguration.self, toml: "nats.hosts = [\"a\"]\ndns.name_servers = \(text)")
        }
        #expect(error.description.contains("dns.name_servers"))
    }

    @Test("an address in a table of lists that is none is named")
    func addressesInTables() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(
                ControllerConfiguration.self,
                toml: "nats.hosts = ['a']\ndns.name_servers = { 'ns1.zone.test' = ['203.0.113.53'], 'ns2.zone.test' = ['::1', 'ns2'] }")
        }
        #expect(
            error.description
                == #"dns.name_servers: found "ns2" as element 2 of the list under "ns2.zone.test", expected a table of lists of IPv4 and IPv6 addresses"#)
    }

    @Test("a name with dots that is not quoted is told so, in the words to write")
    func unquoted() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(
                ControllerConfiguration.self, toml: "nats.hosts = ['a']\n[dns.name_servers]\nns1.zone.test = ['203.0.113.53']")
        }
        #expect(
            error.description
                == #"dns.name_servers: found a table under "ns1", expected a table of lists of IPv4 and IPv6 addresses (a name with dots is quoted: "ns1.zone.test" = …)"#
        )
        let images = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(
                ControllerConfiguration.self, toml: "nats.hosts = ['a']\nhttp = { cluster = 'a.b', services = { my.app = 'image' } }")
        }
        #expect(images.description.contains(#"(a name with dots is quoted: "my.app" = …)"#))
    }
}
