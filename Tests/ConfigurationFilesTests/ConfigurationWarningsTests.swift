import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Warnings about the configuration") struct ConfigurationWarningsTests {
    static func warnings(_ toml: String, environment: [String: String] = [:]) throws -> [String] {
        try ConfigurationLoader.load(DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\n\(toml)", environment: environment)
            .warnings.map(\.description)
    }

    @Test(
        "an unknown key names the nearest one",
        arguments: [
            ("proxy = { htp_port = 1 }", "proxy.htp_port is not known and has no effect; did you mean proxy.http_port?"),
            ("droneid = 'a'", "droneid is not known and has no effect; did you mean drone_id?"),
            ("http_port = 80", "http_port is not known and has no effect; did you mean proxy.http_port?"),
            ("[prxy]\nhttp_port = 80", "prxy is not known and has no effect; did you mean proxy?"),
            ("colour = 'red'", "colour is not known and has no effect"),
            ("proxy.port = 80", "proxy.port is not known and has no effect; did you mean proxy.http_port?"),
            ("proxy.metric.port = 80", "proxy.metric is not known and has no effect; did you mean proxy.metrics?"),
            ("proxy.timeout_secs = 1", "proxy.timeout_secs is not known and has no effect; did you mean proxy.hold_timeout_secs?"),
            ("agent = { ip = '::1', socket = '/d.sock' }", "agent.socket is not known and has no effect; did you mean agent.docker.connection.socket?"),
        ])
    func unknownKeys(toml: String, warning: String) throws {
        #expect(try Self.warnings(toml) == [warning])
    }

    @Test("an unknown variable is told like a key")
    func unknownVariable() throws {
        let warnings = try Self.warnings("", environment: ["PLANE_CLUSTER_DOMAN": "a.b"])
        #expect(warnings == ["PLANE_CLUSTER_DOMAN names no key and has no effect; did you mean PLANE_CLUSTER_DOMAIN?"])
        #expect(try Self.warnings("", environment: ["PLANE_CLUSTER_DOMAN": ""]) == warnings)
    }

    @Test("a variable with one underscore where two belong is answered with the right spelling", arguments: ["81", ""])
    func oneUnderscore(value: String) throws {
        #expect(
            try Self.warnings("", environment: ["PLANE_PROXY_HTTP_PORT": value])
                == ["PLANE_PROXY_HTTP_PORT names no key and has no effect; did you mean PLANE_PROXY__HTTP_PORT?"])
        #expect(
            try Self.warnings("", environment: ["PLANE_AGENT_DOCKER_CAP_DROP": value])
                == ["PLANE_AGENT_DOCKER_CAP_DROP names no key and has no effect; did you mean PLANE_AGENT__DOCKER__CAP_DROP?"])
    }

    @Test("a cluster that no browser and no other cluster can live with is told")
    func clusterNames() throws {
        func warnings(_ name: String) throws -> [String] {
            try ConfigurationLoader.load(DroneConfiguration.self, toml: "cluster_domain = '\(name)'").warnings.map(\.description)
        }
        for name in ["plane.test", "localhost:8080", "a-b.c1.test"] { #expect(try warnings(name) == [], "\(name)") }
        #expect(
            try warnings("Plane.Test")
                == ["cluster_domain is hardly what was meant: every request and every drone has to write it with the same capitals; call it plane.test"])
        let underscore = try warnings("plane_test")
        #expect(underscore.count == 1 && underscore[0].contains("plane.test") && underscore[0].contains("NATS"))
    }

    @Test("two clusters of one name server that share their subjects are told")
    func sharedSubjects() throws {
        let warnings = try ConfigurationLoader.load(
            ControllerConfiguration.self, toml: "nats.hosts = ['a']\ndns.clusters = ['plane.test', 'plane_test']"
        ).warnings.map(\.description)
        #expect(warnings.contains { $0.hasPrefix("dns.clusters is hardly what was meant: ") && $0.contains("plane.test and plane_test") })
    }

    @Test(
        "variables of the command line, of tests and of scripts are none of ours",
        arguments: ["PLANE_NATS_URL", "PLANE_TEST_DOCKER_SOCKET", "PLANE_UP_NATS_PORT", "PLANE_", "PLANE___"])
    func foreignVariables(name: String) throws {
        #expect(try Self.warnings("", environment: [name: "x"]).isEmpty)
    }
}
