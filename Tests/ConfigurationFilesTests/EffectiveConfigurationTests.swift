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

@Suite("Effective configuration") struct EffectiveConfigurationTests {
    static let toml = """
        cluster_domain = "plane.test"
        drone_id = "d\\"1"
        [nats]
        hosts = ["nats://ci:hunter2@a.example:4222"]
        auth = { username = "ci", password = "hunter2" }
        [agent]
        ip = { api = "https://ip.example/" }
        """

    @Test("shows what is in effect, defaults and the environment included, and no secret")
    func text() throws {
        let loaded = try ConfigurationLoader.load(DroneConfiguration.self, toml: Self.toml, environment: ["PLANE_PROXY__HTTP_PORT": "8080"])
        let text = EffectiveConfiguration(loaded.entries).description
        #expect(!text.contains("hunter2"))
        #expect(text.hasPrefix("drone_id = \"d\\\"1\"\ndb_path = \"drone.sqlite3\"\ncluster_domain = \"plane.test\"\n\n[nats]\n"))
        #expect(text.contains("hosts = [\"nats://a.example:4222\"]\n"))
        #expect(text.contains("\n[nats.auth]\nusername = \"ci\"\npassword = \"<redacted>\"\n"))
        #expect(text.contains("\n[agent.ip]\napi = \"https://ip.example/\"\n"))
        #expect(text.contains("\nhttp_port = 8080\n"))
        #expect(text.contains("\n[agent.metrics]\nbind_ip = \"127.0.0.1\"\n"))
        #expect(!text.contains("[acme"))
    }

    @Test("read again, means the same")
    func roundTrip() throws {
        let first = try ConfigurationLoader.load(
            DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\nagent.ip = '::1'\nproxy.passthrough = '[::1]:80'")
        let again = try ConfigurationLoader.load(DroneConfiguration.self, toml: EffectiveConfiguration(first.entries).description)
        #expect(again.configuration == first.configuration)
    }
}
