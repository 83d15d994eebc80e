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
                "nats.hosts: found an empty list, expected a list, each a host with or without port, nats://… or tls://… (at least one)",
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

    @Test(
        "a mistake in a list names the element and what it is",
        arguments: [
            (
                "agent = { ip = '::1', docker = { cap_drop = ['MKNOD', 'FOO'] } }",
                #"agent.docker.cap_drop: found "FOO" as element 2 of the list, expected a list of Linux capabilities such as NET_RAW"#
            ),
            (
                "agent = { ip = '::1', docker = { cap_drop = ['NET_RAAW'] } }",
                #"agent.docker.cap_drop: found "NET_RAAW" as element 1 of the list, expected a list of Linux capabilities such as NET_RAW (did you mean NET_RAW?)"#
            ),
            (
                "agent = { ip = '::1', docker = { cap_drop = 'FOO' } }",
                #"agent.docker.cap_drop: found "FOO", expected a list of Linux capabilities such as NET_RAW"#
            ),
            (
                "agent = { ip = '::1', docker = { cap_drop = [['MKNOD']] } }",
                "agent.docker.cap_drop: found a list as element 1 of the list, expected a list of Linux capabilities such as NET_RAW"
            ),
            (
                "agent = { ip = '::1', docker = { cap_drop = 7 } }",
                "agent.docker.cap_drop: found 7, expected a list of Linux capabilities such as NET_RAW"
            ),
            (
                "agent = { ip = '::1', docker = { allowed_networks = ['apps', 'host'] } }",
                #"agent.docker.allowed_networks: found "host" as element 2 of the list, expected a list of names of Docker networks other than host, none "#
                    + "and container:…"
            ),
            (
                "agent = { ip = '::1', docker = { unreachable = ['10.0.0.0/8', '10.0.0.0/33'] } }",
                #"agent.docker.unreachable: found "10.0.0.0/33" as element 2 of the list, expected a list of IPv4 addresses and networks such as 10.0.0.0/8"#
            ),
            (
                "agent = { ip = '::1', docker = { isolate = true, reachable = ['10.0.0.1:80', '[::1]:80'] } }",
                #"agent.docker.reachable: found "[::1]:80" as element 2 of the list, expected IPv4 addresses with a port: the network has no IPv6"#
            ),
            (
                "agent = { ip = '::1', images = [] }", "agent.images: found an empty list, expected a list, each a string (at least one)"
            ),
            (
                "agent = { ip = '::1', parked = [{ image = 'a' }, 'b'] }",
                #"agent.parked: found "b" as element 2 of the list, expected a list of tables, each under [[agent.parked]]"#
            ),
            (
                "proxy = { token_keys = ['a', ''] }", #"proxy.token_keys: found "" as element 2 of the list, expected a list, each a string"#
            ),
            (
                "proxy = { clusters = { b = 'x', a = ['y'] } }", #"proxy.clusters: found a list under "a", expected a table of strings"#
            ),
            (
                "nats = { hosts = ['a', 'nats://u:hunter2@'] }",
                "nats.hosts: found something else as element 2 of the list (not shown, it may be secret), expected a list, each a host with or without port, "
                    + "nats://… or tls://…"
            ),
        ])
    func elements(toml: String, mistake: String) throws {
        #expect(try Self.mistakes("cluster_domain = 'plane.test'\n\(toml)") == [mistake])
    }

    @Test("an element of a variable's list is named as well")
    func elementsOfVariables() throws {
        #expect(
            try Self.mistakes(
                "cluster_domain = 'plane.test'\nagent = { ip = '::1' }", environment: ["PLANE_AGENT__DOCKER__CAP_DROP": "MKNOD, FOO"]) == [
                    #"agent.docker.cap_drop (from PLANE_AGENT__DOCKER__CAP_DROP): found "FOO" as element 2 of the list, "#
                        + "expected a list of Linux capabilities such as NET_RAW"
                ])
    }

    @Test("an empty list is what a missing one is, where there may be none")
    func emptyLists() throws {
        let drone = try ConfigurationLoader.load(
            DroneConfiguration.self,
            toml: """
                cluster_domain = "plane.test"
                proxy = { token_keys = [], proxy_protocol_from = [] }
                agent = { ip = "::1", docker = { reachable = [], allowed_networks = [] } }
                """)
        #expect(drone.warnings.isEmpty)
        #expect(drone.configuration.proxy.tokenKeys.isEmpty && drone.configuration.proxy.proxyProtocolFrom.isEmpty)
        let controller = try ConfigurationLoader.load(
            ControllerConfiguration.self, toml: "nats.hosts = ['a']\ndns = { caa = [], clusters = [], proxies = [] }")
        #expect(controller.configuration.dns.proxies.isEmpty)
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
