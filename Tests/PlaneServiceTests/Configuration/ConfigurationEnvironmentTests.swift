import PlaneProtocol
import PlaneService
import Testing

@Suite("Environment variables") struct ConfigurationEnvironmentTests {
    static func load(_ toml: String, _ environment: [String: String]) throws -> DroneConfiguration {
        try ConfigurationLoader.load(DroneConfiguration.self, toml: toml, environment: environment).configuration
    }

    @Test("win over the file")
    func override() throws {
        let drone = try Self.load(
            "cluster_domain = 'a.b'\nproxy.http_port = 1",
            ["PLANE_CLUSTER_DOMAIN": "plane.test", "PLANE_PROXY__HTTP_PORT": "8080", "PLANE_AGENT__DOCKER__CONNECTION__SOCKET": "/d.sock", "PLANE_AGENT__IP": "::1"])
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
}
