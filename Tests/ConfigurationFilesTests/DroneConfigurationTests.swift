import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import Foundation
import NetworkAddresses
import NIOCore
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Drone configuration") struct DroneConfigurationTests {
    @Test("backends are isolated where the file asks for it, and nowhere else; the network then has a name that a bridge can have")
    func isolation() throws {
        func docker(_ toml: String) throws -> DockerConfiguration? {
            try ConfigurationLoader.load(
                DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\n[agent]\nip = '203.0.113.7'\n[agent.docker]\n\(toml)", named: "drone.toml"
            ).configuration.agent?.docker
        }
        #expect(try docker("network = 'a-name-that-no-bridge-can-have'")?.isolation.isOn == false)
        let isolation = try #require(try docker("isolate = true\nreachable = ['10.0.0.5:5432']\nunreachable = ['169.254.0.0/16', '10.0.0.0/8']")?.isolation)
        #expect(isolation.isOn)
        #expect(isolation.reachable == [SocketEndpoint(ip: .v4(0x0A00_0005), port: 5432)])
        #expect(isolation.unreachable.map(\.description) == ["169.254.0.0/16", "10.0.0.0/8"])
        #expect(try docker("isolate = true\nunreachable = []")?.isolation.unreachable.isEmpty == true)
        for mistake in ["network = 'a-name-that-no-bridge-can-have'", "reachable = ['[::1]:80']", "unreachable = ['10.0.0.1/8']"] {
            #expect(throws: ConfigurationError.self, "\(mistake)") { try docker("isolate = true\n\(mistake)") }
        }
    }

    @Test("the file that is installed isolates backends, and serves none of them by a path")
    func installed() throws {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let toml = try String(contentsOf: package.appending(path: "dev/config/drone.toml"), encoding: .utf8)
        let drone = try ConfigurationLoader.load(DroneConfiguration.self, toml: toml, named: "drone.toml").configuration
        #expect(drone.agent?.docker.isolation.isOn == true)
        #expect(!drone.proxy.allowPathRouting)
        let compose = try String(contentsOf: package.appending(path: "docker-compose.yml"), encoding: .utf8)
        #expect(!compose.contains("ALLOW_PATH_ROUTING"))
    }

    @Test("images whose containers are parked are a list of tables, which variables can change, and whose mistakes have numbers")
    func parked() throws {
        func parked(_ toml: String, _ environment: [String: String] = [:]) throws -> (images: [ParkedImageConfiguration], warnings: [String]) {
            let loaded = try ConfigurationLoader.load(
                DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\n[agent]\nip = '203.0.113.7'\n\(toml)", named: "drone.toml",
                environment: environment)
            return (loaded.configuration.agent?.parked ?? [], loaded.warnings.map { "\($0)" })
        }
        #expect(try parked("").images.isEmpty)
        let two = "[[agent.parked]]\nimage = 'a'\n[[agent.parked]]\nimage = 'b'\ncount = 3\nmemory_mb = 512\n"
        let read = try parked(two)
        #expect(read.warnings.isEmpty && read.images.map(\.image) == ["a", "b"] && read.images.map(\.count) == [1, 3])
        #expect(read.images.map(\.memoryMegabytes) == [nil, 512])
        #expect(try parked(two, ["PLANE_AGENT__PARKED__2__COUNT": "5"]).images.map(\.count) == [1, 5])
        #expect(try parked("", ["PLANE_AGENT__PARKED__1__IMAGE": "c"]).images.map(\.image) == ["c"])
        #expect(try parked(two + "cuont = 1").warnings.contains { $0.contains("agent.parked.2.cuont") })
        for (toml, mistake) in [
            ("[[agent.parked]]\ncount = 1", "agent.parked.1.image: found nothing"),
            (two + "cpu_percent = 300", "agent.parked.2.cpu_percent: found 300, expected a number from 1 to 255"),
            ("parked = 'a'", #"agent.parked: found "a", expected a list of tables, each under [[agent.parked]]"#),
            ("[agent.parked]\nimage = 'a'", "agent.parked: found a table, expected a list of tables"),
        ] {
            let error = try #require(throws: ConfigurationError.self) { try parked(toml) }
            #expect("\(error)".contains(mistake), "\(error)")
        }
    }

    @Test("no images are learned if not set; both limits count")
    func learned() throws {
        func learned(_ toml: String) throws -> ParkedLearningConfiguration? {
            try ConfigurationLoader.load(
                DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\n[agent]\nip = '203.0.113.7'\n\(toml)", named: "drone.toml", environment: [:]
            ).configuration.agent?.parkedLearned
        }
        #expect(try learned("")?.limit == 0)
        #expect(try learned("[agent.parked_learned]\ncount = 10")?.limit == 10)
        #expect(try learned("[agent.parked_learned]\ncount = 10\nmemory_mb = 60")?.limit == 7)
        #expect(try learned("[agent.parked_learned]\ncount = 100")?.limit == 32)
        #expect(throws: ConfigurationError.self) { try learned("[agent.parked_learned]\ncount = 1001") }
    }

    @Test("without a table of limits only logs are limited; a default above the most is a mistake")
    func limits() throws {
        func limits(_ toml: String) throws -> ContainerLimitsConfiguration? {
            try ConfigurationLoader.load(
                DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\n[agent]\nip = '203.0.113.7'\n\(toml)", named: "drone.toml"
            ).configuration.agent?.docker.limits
        }
        let standard = try #require(try limits(""))
        #expect(standard.memory == .init() && standard.cpu == .init() && standard.disk == .init())
        #expect(standard.logMegabytes == 20)
        #expect(standard.logLinesPerSecond == 100)
        #expect(try limits("[agent.docker.limits]\nmemory_mb = 512\nmax_memory_mb = 1024")?.memory == .init(standard: 512, most: 1024))
        let error = try #require(throws: ConfigurationError.self) { try limits("[agent.docker.limits]\nmemory_mb = 2048\nmax_memory_mb = 1024") }
        #expect("\(error)".contains("agent.docker.limits.memory_mb: found 2048, expected at most max_memory_mb, which is 1024"))
    }

    @Test("a file of 0.3 with every key is read without a warning except for the key that never had an effect")
    func completeFile() throws {
        let loaded = try ConfigurationLoader.load(
            DroneConfiguration.self,
            toml: """
                drone_id = "drone-a"
                db_path = "/var/lib/plane/drone.sqlite3"
                cluster_domain = "plane.test"
                [nats]
                hosts = ["nats://a.example:4222", "b.example"]
                auth = { username = "ci", password = "pw" }
                [cert]
                key_path = "/etc/plane/key.pem"
                cert_path = "/etc/plane/cert.pem"
                account_key_path = "/etc/plane/account.pem"
                [acme]
                server = "https://acme.example/directory"
                admin_email = "ops@example.com"
                eab = { key_id = "k1", key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W==" }
                [agent]
                ip = "203.0.113.7"
                drone_id = "ignored"
                [agent.docker]
                runtime = "runsc"
                network = "plane"
                insecure_gpu = true
                allow_volume_mounts = true
                syslog = "udp://127.0.0.1:514"
                connection = { http = "http://127.0.0.1:2375" }
                [proxy]
                bind_ip = "0.0.0.0"
                http_port = "8080"
                https_port = 8443
                passthrough = "[::1]:9000"
                allow_path_routing = true
                """)
        let drone = loaded.configuration
        #expect(drone.droneID?.rawValue == "drone-a")
        #expect(drone.databasePath == "/var/lib/plane/drone.sqlite3")
        #expect(drone.cluster.rawValue == "plane.test")
        #expect(drone.nats?.hosts == ["nats://a.example:4222", "b.example"])
        #expect(drone.nats?.authentication == .userPassword(username: "ci", password: "pw"))
        #expect(drone.cert?.accountKeyPath == "/etc/plane/account.pem")
        #expect(drone.acme?.externalAccount?.key.exposed.hasSuffix("Q12W") == true)
        #expect(drone.agent?.ip == .literal(.v4(0xCB00_7107)))
        #expect(drone.agent?.docker.runtime == "runsc")
        #expect(drone.agent?.docker.connection == .http(url: "http://127.0.0.1:2375"))
        #expect(drone.agent?.docker.insecureGPU == true)
        #expect(drone.proxy.httpPort == 8080)
        #expect(drone.proxy.passthrough?.description == "[::1]:9000")
        #expect(drone.proxy.allowPathRouting)
        #expect(loaded.warnings == [.unusedKey("agent.drone_id", reason: "the drone's id is the top-level key drone_id")])
    }

    @Test("the smallest file gets the defaults")
    func smallestFile() throws {
        let drone = try ConfigurationLoader.load(DroneConfiguration.self, toml: #"cluster_domain = "plane.test""#).configuration
        #expect(drone.droneID == nil)
        #expect(drone.databasePath == "drone.sqlite3")
        #expect(drone.nats == nil)
        #expect(drone.agent == nil)
        #expect(drone.proxy.httpPort == 80)
        #expect(drone.proxy.httpsPort == nil)
        #expect(drone.proxy.limits.hold == .seconds(30))
        #expect(drone.proxyMetrics.port == nil)
    }

    @Test("what keeps containers small can be switched off, and capabilities are spelled as capabilities(7) does or without CAP_")
    func privileges() throws {
        let docker = try ConfigurationLoader.load(
            DroneConfiguration.self,
            toml: """
                cluster_domain = "plane.test"
                agent.ip = "::1"
                agent.docker = { no_new_privileges = false, pids_limit = 0, cap_drop = [] }
                """
        ).configuration.agent?.docker
        #expect(docker?.privileges.noNewPrivileges == false)
        #expect(docker?.privileges.processLimit == 0)
        #expect(docker?.privileges.droppedCapabilities == [])
        let spelled = try ConfigurationLoader.load(
            DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\nagent = { ip = '::1', docker = { cap_drop = ['CAP_NET_RAW', 'all'] } }")
        #expect(spelled.configuration.agent?.docker.privileges.droppedCapabilities == ["NET_RAW", "ALL"])
        for (word, said) in [("FOO", "\"FOO\" as element 2"), ("NET_RAAW", "did you mean NET_RAW?"), ("net raw", "did you mean NET_RAW?")] {
            let error = try #require(throws: ConfigurationError.self) {
                try ConfigurationLoader.load(
                    DroneConfiguration.self,
                    toml: "cluster_domain = 'plane.test'\nagent = { ip = '::1', docker = { cap_drop = ['MKNOD', '\(word)'] } }")
            }
            #expect(error.description.contains(said), "\(error)")
        }
    }

    @Test("an agent needs no more than its address")
    func smallestAgent() throws {
        let agent = try ConfigurationLoader.load(
            DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\nagent = { ip = '::1' }"
        ).configuration.agent
        #expect(agent?.docker.connection == .socket(path: "/var/run/docker.sock"))
        #expect(agent?.readyTimeout == .seconds(30))
        #expect(agent?.stopTimeout == .seconds(10))
        #expect(agent?.maxBackends == nil)
        #expect(agent?.docker.privileges.noNewPrivileges == true)
        #expect(agent?.docker.privileges.processLimit == 4096)
        #expect(agent?.docker.privileges.droppedCapabilities == ["NET_RAW", "MKNOD", "AUDIT_WRITE"])
    }

    @Test("the agent's address may come from a service")
    func addressLookup() throws {
        let drone = try ConfigurationLoader.load(
            DroneConfiguration.self,
            toml: "cluster_domain = 'plane.test'\n[agent]\nip = { api = 'https://ip.example/' }")
        #expect(drone.configuration.agent?.ip == .lookup(url: "https://ip.example/"))
        #expect(drone.warnings.isEmpty)
    }

    @Test("certificates cannot be ordered without a place to put them")
    func acmeNeedsCert() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(
                DroneConfiguration.self,
                toml: "cluster_domain = 'plane.test'\nacme = { server = 'https://a.example/', admin_email = 'a@b' }")
        }
        #expect(error.description == "cert: found nothing, expected a table, which the table acme needs")
    }

    @Test("the list of all keys names those of the contract, each with what it is for")
    func describes() {
        let entries = ConfigurationLoader.describe(DroneConfiguration.self)
        let keys = Set(entries.map(\.key))
        let contract = [
            "drone_id", "db_path", "cluster_domain", "nats.hosts", "nats.auth.token", "nats.auth.username", "nats.auth.password",
            "cert.key_path", "cert.cert_path", "cert.account_key_path", "acme.server", "acme.admin_email", "acme.eab.key_id", "acme.eab.key",
            "agent.ip", "agent.ip.api", "agent.docker.connection.socket", "agent.docker.connection.http", "agent.docker.runtime",
            "agent.docker.network", "agent.docker.insecure_gpu", "agent.docker.allow_volume_mounts", "agent.docker.syslog", "proxy.bind_ip",
            "proxy.http_port", "proxy.https_port", "proxy.passthrough", "proxy.allow_path_routing",
        ]
        #expect(keys.isSuperset(of: contract))
        #expect(keys.count == entries.count)
        #expect(entries.allSatisfy { $0.summary.hasSuffix(".") })
        #expect(entries.first { $0.key == "proxy.http_port" }?.value == .integer(80))
    }

    @Test("a drone says how its proxy is reached only where the file does")
    func endpoint() throws {
        let silent = try ConfigurationLoader.load(DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\nagent.ip = '::1'").configuration
        #expect(silent.agent?.endpoint == PublicEndpoint())
        let told = try ConfigurationLoader.load(
            DroneConfiguration.self, toml: "cluster_domain = 'localhost:8322'\nagent = { ip = '::1', public_scheme = 'http', public_port = 8080 }"
        ).configuration
        #expect(told.agent?.endpoint == PublicEndpoint(scheme: .http, port: 8080))
        #expect(told.cluster.rawValue == "localhost:8322")
        for wrong in ["public_scheme = 'ftp'", "public_port = 0"] {
            #expect(throws: ConfigurationError.self) {
                try ConfigurationLoader.load(DroneConfiguration.self, toml: "cluster_domain = 'plane.test'\nagent = { ip = '::1', \(wrong) }")
            }
        }
    }

    @Test(
        "the key of an external account may be in either alphabet of base64, with padding or without",
        arguments: [("ab-_", "ab-_"), ("ab+/", "ab-_"), ("ab+/AA==", "ab-_AA"), ("ab*_", nil), ("====", nil), ("abcde", nil)])
    func externalAccountKey(text: String, key: String?) throws {
        let toml = """
            cluster_domain = "plane.test"
            cert = { key_path = "key.pem", cert_path = "cert.pem" }
            acme = { server = "https://acme.example/", admin_email = "a@b", eab = { key_id = "k", key = "\(text)" } }
            """
        guard let key else {
            let error = try #require(throws: ConfigurationError.self) { try ConfigurationLoader.load(DroneConfiguration.self, toml: toml) }
            #expect(error.description.hasPrefix("acme.eab.key: found something else (not shown, it may be secret), expected base64 text"))
            return
        }
        #expect(try ConfigurationLoader.load(DroneConfiguration.self, toml: toml).configuration.acme?.externalAccount?.key == Secret(key))
    }
}
