import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import NetworkAddresses
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Environment variables") struct ConfigurationEnvironmentTests {
    static func load(_ toml: String, _ environment: [String: String]) throws -> DroneConfiguration {
        try ConfigurationLoader.load(DroneConfiguration.self, toml: toml, environment: environment).configuration
    }

    @Test("win over the file")
    func override() throws {
        let drone = try Self.load(
            "cluster_domain = 'a.b'\nproxy.http_port = 1",
            [
                "PLANE_CLUSTER_DOMAIN": "plane.test", "PLANE_PROXY__HTTP_PORT": "8080", "PLANE_AGENT__DOCKER__CONNECTION__SOCKET": "/d.sock",
                "PLANE_AGENT__IP": "::1",
            ])
        #expect(drone.cluster.rawValue == "plane.test")
        #expect(drone.proxy.httpPort == 8080)
        #expect(drone.agent?.docker.connection == .socket(path: "/d.sock"))
    }

    @Test("a token or password that looks like a number or a boolean stays what it is", arguments: ["12345", "1e5", "true", "007"])
    func numericSecrets(text: String) throws {
        let drone = try Self.load(
            "cluster_domain = 'plane.test'\nnats.hosts = ['a']", ["PLANE_NATS__AUTH__USERNAME": text, "PLANE_NATS__AUTH__PASSWORD": text])
        #expect(drone.nats?.authentication == .userPassword(username: text, password: Secret(text)))
    }

    @Test("a table in the file may be replaced by a value, and a value by a table")
    func shapes() throws {
        let literal = try Self.load("cluster_domain = 'plane.test'\nagent.ip.api = 'http://x/'", ["PLANE_AGENT__IP": "127.0.0.1"])
        #expect(literal.agent?.ip == .literal(.v4(0x7F00_0001)))
        let lookup = try Self.load("cluster_domain = 'plane.test'\nagent.ip = '127.0.0.1'", ["PLANE_AGENT__IP__API": "http://x/"])
        #expect(lookup.agent?.ip == .lookup(url: "http://x/"))
    }

    @Test("numbers in the file may be strings and the other way round")
    func coercion() throws {
        let drone = try Self.load("cluster_domain = 'plane.test'\ndrone_id = 17\nproxy = { http_port = '8080', allow_path_routing = 'true' }", [:])
        #expect(drone.droneID?.rawValue == "17")
        #expect(drone.proxy.httpPort == 8080)
        #expect(drone.proxy.allowPathRouting)
    }

    /// As docker-compose makes it of `${NETWORK:-}`.
    @Test("an empty one is as good as none, for every key that need not be there")
    func emptyIsUnset() throws {
        let drone = try Self.load("cluster_domain = 'plane.test'\nagent = { ip = '::1', docker.network = 'plane' }\nnats.hosts = ['a']", [:])
        let keys = ConfigurationLoader.describe(DroneConfiguration.self).filter { $0.presence != .required }.map(\.path)
        #expect(keys.count > 60)
        for key in keys {
            let variable = "PLANE_\(key.joined(separator: "__").uppercased())"
            let loaded = try Self.load("cluster_domain = 'plane.test'\nagent = { ip = '::1', docker.network = 'plane' }\nnats.hosts = ['a']", [variable: ""])
            #expect(loaded == drone, "\(variable)")
        }
    }

    @Test("so it is for schedulers, dns and gateways")
    func emptyIsUnsetForControllers() throws {
        let toml = "nats.hosts = ['a']"
        let load = { (environment: [String: String]) in
            try ConfigurationLoader.load(ControllerConfiguration.self, toml: toml, environment: environment).configuration
        }
        let controller = try load([:])
        let keys = ConfigurationLoader.describe(ControllerConfiguration.self).filter { $0.presence != .required }.map(\.path)
        #expect(keys.count > 30)
        for key in keys {
            let variable = "PLANE_\(key.joined(separator: "__").uppercased())"
            #expect(try load([variable: ""]) == controller, "\(variable)")
        }
    }

    @Test("empty ones make no table: neither a login nor an account of nothing")
    func emptyTables() throws {
        let drone = try Self.load(
            "cluster_domain = 'plane.test'\nnats.hosts = ['a']",
            ["PLANE_NATS__AUTH__USERNAME": "", "PLANE_NATS__AUTH__PASSWORD": "", "PLANE_ACME__EAB__KEY": "", "PLANE_CERT__KEY_PATH": ""])
        #expect(drone.nats?.authentication == nil)
        #expect(drone.cert == nil)
        #expect(drone.acme == nil)
    }

    @Test("a required key may be in the file where its variable is empty")
    func emptyRequired() throws {
        #expect(try Self.load("cluster_domain = 'plane.test'", ["PLANE_CLUSTER_DOMAIN": ""]).cluster.rawValue == "plane.test")
    }

    @Test("of a list that is empty unless something is said, NONE says so")
    func none() throws {
        let toml = "cluster_domain = 'plane.test'\nagent.ip = '::1'"
        let name = "PLANE_AGENT__DOCKER__CAP_DROP"
        #expect(try Self.load(toml, [name: "NONE"]).agent?.docker.privileges.droppedCapabilities == [])
        #expect(try Self.load(toml, [name: ""]).agent?.docker.privileges.droppedCapabilities == ContainerPrivileges().droppedCapabilities)
    }
}
