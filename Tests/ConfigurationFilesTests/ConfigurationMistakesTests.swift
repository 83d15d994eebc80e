import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Mistakes in the configuration") struct ConfigurationMistakesTests {
    static func mistakes(_ toml: String, environment: [String: String] = [:]) throws -> [String] {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(DroneConfiguration.self, toml: toml, named: "drone.toml", environment: environment)
        }
        return error.mistakes.map(\.description)
    }

    @Test("all are told at once, each with key, value and expectation")
    func allAtOnce() throws {
        let mistakes = try Self.mistakes(
            """
            cluster_domain = "not a domain"
            [nats]
            hosts = []
            [agent]
            ready_timeout_secs = 0
            [agent.docker]
            insecure_gpu = "perhaps"
            [proxy]
            http_port = 70000
            bind_ip = "localhost"
            """)
        #expect(
            mistakes == [
                #"cluster_domain: found "not a domain", expected a cluster name such as plane.test or localhost:8080"#,
                "nats.hosts: found something else (not shown, it may be secret), expected a list, each a host with or without port, nats://… or tls://…",
                "agent.ip: found nothing, expected an IPv4 or IPv6 address",
                #"agent.docker.insecure_gpu: found "perhaps", expected true or false"#,
                "agent.ready_timeout_secs: found 0, expected seconds from 1 to 3600",
                #"proxy.bind_ip: found "localhost", expected an IPv4 or IPv6 address"#,
                "proxy.http_port: found 70000, expected a port from 0 to 65535",
            ])
    }

    @Test(
        "a port out of range is an error and does not wrap", arguments: ["70000", "-1", "65536", "\"65616\"", "80.5", "true", "1979-05-27"])
    func ports(value: String) throws {
        let mistakes = try Self.mistakes("cluster_domain = 'plane.test'\nproxy.http_port = \(value)")
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix("proxy.http_port: found"))
    }

    @Test("a mistake in the environment names its variable")
    func environment() throws {
        let mistakes = try Self.mistakes("cluster_domain = 'plane.test'", environment: ["PLANE_PROXY__HTTP_PORT": "http"])
        #expect(mistakes == [#"proxy.http_port (from PLANE_PROXY__HTTP_PORT): found "http", expected a port from 0 to 65535"#])
    }

    @Test("a secret that cannot be read is not shown")
    func secrets() throws {
        let mistakes = try Self.mistakes("cluster_domain = 'plane.test'\nnats = { hosts = ['a'], auth = { token = ['hunter2'] } }")
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix("nats.auth.token: found something else (not shown, it may be secret), expected a string, or {") == true)
    }

    @Test(
        "half a login is a mistake",
        arguments: [
            ("{ username = 'u' }", "nats.auth.password"), ("{ password = 'p' }", "nats.auth.username"), ("{}", "nats.auth.token"),
        ])
    func halfALogin(auth: String, key: String) throws {
        let mistakes = try Self.mistakes("cluster_domain = 'plane.test'\nnats = { hosts = ['a'], auth = \(auth) }")
        #expect(mistakes == ["\(key): found nothing, expected either token, or username and password"])
    }

    @Test("a table where a value belongs, and a value where a table belongs")
    func shapes() throws {
        let mistakes = try Self.mistakes("cluster_domain = { a = 1 }\nproxy = 8080")
        #expect(
            mistakes == [
                "cluster_domain: found a table, expected a cluster name such as plane.test or localhost:8080", "proxy: found 8080, expected a table",
            ])
    }

    @Test("text that is no TOML is told with line and column")
    func syntax() throws {
        let mistakes = try Self.mistakes("cluster_domain = 'plane.test'\n[proxy\n")
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix("drone.toml:2:"))
    }

    @Test("a NUL in a key or in the text is survived", arguments: ["\"a\\u0000b\" = 1\ncluster_domain = []", "cluster_domain = []\n\0"])
    func nul(toml: String) throws {
        #expect(try !Self.mistakes(toml).isEmpty)
    }

    @Test("a file that cannot be read is named")
    func noFile() throws {
        let directory = try TemporaryDirectory()
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(DroneConfiguration.self, file: directory.file("none.toml"), environment: [:])
        }
        #expect(error.description == "\(directory.file("none.toml")): found no file of this name, expected a TOML file")
    }

    @Test("a required key whose variable is empty is told so")
    func emptyVariables() throws {
        #expect(
            try Self.mistakes("", environment: ["PLANE_CLUSTER_DOMAIN": ""]) == [
                "cluster_domain: found nothing (the variable PLANE_CLUSTER_DOMAIN is empty), expected a cluster name such as plane.test or localhost:8080"
            ])
        #expect(
            try Self.mistakes(
                "cluster_domain = 'plane.test'\nnats.hosts = ['a']",
                environment: ["PLANE_NATS__AUTH__USERNAME": "ci", "PLANE_NATS__AUTH__PASSWORD": ""]) == [
                    "nats.auth.password: found nothing (the variable PLANE_NATS__AUTH__PASSWORD is empty), expected either token, or username and password"
                ])
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(ControllerConfiguration.self, file: nil, environment: ["PLANE_NATS__HOSTS": ""])
        }
        #expect(error.description == "nats: found nothing (the variable PLANE_NATS__HOSTS is empty), expected a table, which every service needs")
    }

    @Test("a colon in a cluster's name is followed by a port", arguments: ["localhost:", "localhost:0", "localhost:65536", "a:b", "a:8080.b", ":80"])
    func clusterPorts(name: String) throws {
        let mistakes = try Self.mistakes("cluster_domain = '\(name)'")
        #expect(mistakes == ["cluster_domain: found \"\(name)\", expected a cluster name such as plane.test or localhost:8080"])
    }
}
