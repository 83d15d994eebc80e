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
        #expect(warnings == ["cluster_doman is not known and has no effect; did you mean cluster_domain?"])
        #expect(try Self.warnings("", environment: ["PLANE_CLUSTER_DOMAN": ""]) == warnings)
    }

    @Test(
        "variables of the command line, of tests and of scripts are none of ours",
        arguments: ["PLANE_NATS_URL", "PLANE_TEST_DOCKER_SOCKET", "PLANE_UP_NATS_PORT", "PLANE_", "PLANE___"])
    func foreignVariables(name: String) throws {
        #expect(try Self.warnings("", environment: [name: "x"]).isEmpty)
    }
}
