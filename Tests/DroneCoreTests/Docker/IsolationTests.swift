import DockerEngine
import DroneStore
import Foundation
import NetworkAddresses
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// What a backend reaches, tried from inside its container.
@Suite(.serialized, .enabled(if: SeparateMachine.isPossible, "only root may make a machine"), .timeLimit(.minutes(10))) struct IsolationTests {
    private static let network = IsolatedNetwork(
        name: "plane", reachable: ["203.0.113.2:4223"].compactMap { SocketEndpoint($0) }, unreachable: ["169.254.0.0/16"].compactMap { IPv4Network($0) })

    /// Two backends on a machine of the test's own.
    private struct Neighbours {
        let machine: SeparateMachine
        let engine: DockerEngineAdapter
        let first = BackendID.random()
        let second = BackendID.random()
        let configuration: TemporaryDirectory
        var address = ""

        /// - Parameter inSandboxes: Their networks were ready before they were made.
        init(_ isolation: IsolatedNetwork?, inSandboxes: Bool = false) async throws {
            self.configuration = try TemporaryDirectory()
            self.machine = try await SeparateMachine()
            try await TestImage.build(on: self.machine.dockerSocket)
            var template = ContainerTemplate()
            template.isolation = isolation
            var engine = DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: self.machine.dockerSocket)), template: template)
            let pool = SandboxPool(size: 2, maker: DockerSandboxMaker(engine, drone: .make()), logger: AgentFixture.logger)
            if inSandboxes { engine.sandboxes = pool }
            self.engine = engine
            let filling = Task { if inSandboxes { await pool.run { [] } } }
            defer { filling.cancel() }
            if inSandboxes { try await eventually("networks are ready", within: .seconds(60)) { pool.free.count == 2 } }
            for backend in [self.first, self.second] {
                let container = try await self.engine.create(.onDocker(backend, drone: .make(), ["GREETING": "a-neighbour"]))
                #expect((container.sandbox != nil) == inSandboxes)
                try await self.engine.start(ContainerHandle(of: backend))
            }
            guard case .running(let address?) = try await self.engine.inspect(ContainerHandle(of: self.second)) else {
                throw BackendEngineError(.unavailable, "it does not run")
            }
            self.address = "\(address)"
        }

        /// As agent and proxy do whose `metrics.bind_ip` is 0.0.0.0.
        func serveMetrics() async throws {
            for port in [9102, 9103] { try await self.machine.run("busybox httpd -p 0.0.0.0:\(port) -h /") }
        }

        /// Whether the first backend gets a page from there.
        func reaches(_ host: String, _ port: Int) async throws -> Bool {
            let script = "docker exec \(self.first.resourceName) /bin/busybox sh -c 'echo | /bin/busybox nc -w 3 \(host) \(port) && echo open' || echo closed"
            return try await self.machine.run(script).contains("open")
        }

        /// What the unit does, with a configuration whose secrets only the agent is passed.
        func firewall(_ command: String) async throws -> [String] {
            try """
            cluster_domain = "plane.test"
            nats = { hosts = ["127.0.0.1"], auth = { username = "drone", password = { credential = "nats" } } }
            [agent]
            ip = "203.0.113.2"
            docker = { isolate = true, reachable = ["203.0.113.2:4223"] }
            """.write(toFile: self.configuration.file("drone.toml"), atomically: true, encoding: .utf8)
            return try await self.machine.run(
                """
                export DRONE_AGENT=\(SeparateMachine.programs)/drone-agent
                \(SeparateMachine.scripts)/isolate-network \(command) \(self.configuration.file("drone.toml")) || true
                """)
        }
    }

    @Test("without isolation a backend reaches its neighbour, its machine and the cloud's secrets: what the next test forbids can be reached")
    func open() async throws {
        let neighbours = try await Neighbours(nil)
        try await neighbours.serveMetrics()
        for (host, port) in [
            (neighbours.address, 8080), ("172.17.0.1", 4222), (SeparateMachine.ownAddress, 4222), (SeparateMachine.metadataAddress, 80),
            (SeparateMachine.worldAddress, 80), (SeparateMachine.ownAddress, 9102), ("172.17.0.1", 9103),
        ] { #expect(try await neighbours.reaches(host, port), "\(host):\(port)") }
        await neighbours.machine.stop()
    }

    @Test(
        "isolated, it reaches names and the rest of the world, and neither its neighbour, nor its machine by any address, nor the cloud's secrets",
        arguments: [false, true])
    func isolated(inSandboxes: Bool) async throws {
        let neighbours = try await Neighbours(Self.network, inSandboxes: inSandboxes)
        #expect(try await neighbours.firewall("apply").isEmpty)
        let gateway = try await neighbours.machine.run("docker network inspect plane --format '{{(index .IPAM.Config 0).Gateway}}'").first ?? ""
        try await neighbours.machine.run("docker run --detach --publish 8081:8080 --env PORT=8080 \(TestImage.name) >/dev/null")
        try await neighbours.machine.run("busybox httpd -p 0.0.0.0:4223 -h /")
        try await neighbours.serveMetrics()
        for (host, port) in [
            (neighbours.address, 8080), (gateway, 4222), ("172.17.0.1", 4222), (SeparateMachine.ownAddress, 4222), (SeparateMachine.ownAddress, 8081),
            (gateway, 8081), (SeparateMachine.metadataAddress, 80), (SeparateMachine.ownAddress, 9102), (gateway, 9102), ("172.17.0.1", 9103),
        ] { #expect(try await !neighbours.reaches(host, port), "\(host):\(port)") }
        #expect(try await neighbours.reaches(SeparateMachine.worldAddress, 80))
        #expect(try await neighbours.reaches(SeparateMachine.ownAddress, 4223), "it is configured to be reachable")
        let names = try await neighbours.machine.run("docker exec \(neighbours.first.resourceName) /bin/busybox nslookup plane.example")
        #expect(names.contains { $0.contains(SeparateMachine.worldAddress) })
        // Agent and proxy, on the machine itself, reach every backend.
        #expect(try await neighbours.machine.run("curl -fsS --max-time 5 http://\(neighbours.address):8080/").contains { $0.contains("a-neighbour") })

        #expect(try await neighbours.firewall("check") == ["the rules of plane are in place"])
        try await neighbours.machine.run("iptables --table mangle --flush PLANE-plane")
        #expect(
            try await neighbours.firewall("check") == [
                "the rules of plane are not in place: isolate-network apply \(neighbours.configuration.file("drone.toml"))"
            ])
        #expect(try await neighbours.firewall("apply").isEmpty)
        #expect(try await !neighbours.reaches(SeparateMachine.ownAddress, 4222))
        #expect(try await neighbours.firewall("remove").isEmpty)
        let rules = try await neighbours.machine.run("iptables-save --table mangle; ip6tables-save --table mangle; ls /run | grep plane-isolation || true")
        #expect(!rules.contains { $0.contains("plane") })
        await neighbours.machine.stop()
    }

    @Test(
        "backends have no IPv6, and one that somebody gives an address of it reaches nothing by that",
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/net/if_inet6"), "this kernel has no IPv6"))
    func ipv6() async throws {
        let neighbours = try await Neighbours(Self.network)
        let machine = neighbours.machine
        #expect(try await machine.run("docker network inspect plane --format '{{.EnableIPv6}}'") == ["false"])
        let inside = "nsenter --net --target $(docker inspect --format '{{.State.Pid}}' \(neighbours.first.resourceName))"
        #expect(try await machine.run("\(inside) ip -6 -oneline address show dev eth0").isEmpty)
        // As a network that has it would.
        try await machine.run(
            """
            sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.plane.disable_ipv6=0
            ip -6 address add fd00:77::1/64 dev plane nodad
            \(inside) sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
            \(inside) ip -6 address add fd00:77::2/64 dev eth0 nodad
            busybox httpd -p '[::]:4226' -h /
            """)
        #expect(try await neighbours.reaches("fd00:77::1", 4226), "what the rules forbid can be reached without them")
        #expect(try await neighbours.firewall("apply").isEmpty)
        let linkLocal = try await machine.run("ip -6 -oneline address show dev plane scope link | sed -E 's/.*inet6 ([^/]*).*/\\1/'").first
        for address in ["fd00:77::1"] + (linkLocal.map { ["\($0)%eth0"] } ?? []) {
            #expect(try await !neighbours.reaches(address, 4226), "\(address)")
        }
        #expect(try await neighbours.firewall("remove").isEmpty)
        #expect(try await neighbours.reaches("fd00:77::1", 4226))
        await machine.stop()
    }

    @Test("a network that is gone is made again with the next container; one of that name that is not isolated is refused")
    func network() async throws {
        let neighbours = try await Neighbours(Self.network)
        let (engine, machine) = (neighbours.engine, neighbours.machine)
        for backend in [neighbours.first, neighbours.second] { try await engine.remove(ContainerHandle(of: backend)) }
        try await machine.run("docker network rm plane")
        try await engine.create(.onDocker(neighbours.first, drone: .make()))
        try await engine.start(ContainerHandle(of: neighbours.first))
        try await engine.remove(ContainerHandle(of: neighbours.first))
        try await machine.run("docker network rm plane; docker network create plane")
        let failure = await #expect(throws: BackendEngineError.self) { try await engine.create(.onDocker(neighbours.first, drone: .make())) }
        #expect(failure?.code == .refused)
        #expect(failure?.message.contains("docker network rm plane") == true)
        await machine.stop()
    }
}

@Suite struct IsolationRulesTests {
    @Test("names are asked of every server of the machine but those on loopback, of systemd-resolved's own ones where it stands before them")
    func nameServers() {
        #expect(NameServers.ofThisMachine { _ in "search example\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n" } == [.v4(0xC000_0235)])
        let files = ["/etc/resolv.conf": "nameserver 127.0.0.53\n", "/run/systemd/resolve/resolv.conf": "nameserver 192.0.2.53\n"]
        #expect(NameServers.ofThisMachine { files[$0] } == [.v4(0xC000_0235)])
        #expect(NameServers.ofThisMachine { _ in nil }.isEmpty)
    }

    @Test("the agent knows whether the rules are there, by what whoever sets them up leaves")
    func watch() async throws {
        let folder = try TemporaryDirectory()
        let network = IsolatedNetwork(name: "plane", unreachable: ["169.254.0.0/16"].compactMap { IPv4Network($0) })
        let watch = IsolationWatch(network, folder: folder.path, logger: AgentFixture.logger) { () async throws(BackendEngineError) in }
        #expect(watch.isInForce == nil)
        await watch.check()
        #expect(watch.isInForce == false)
        let text = network.rules(nameServers: NameServers.ofThisMachine()) + "# of /etc/plane/drone.toml\n"
        try text.write(toFile: folder.file("plane"), atomically: true, encoding: .utf8)
        await watch.check()
        #expect(watch.isInForce == true)
        try text.replacing("DROP", with: "RETURN").write(toFile: folder.file("plane"), atomically: true, encoding: .utf8)
        await watch.check()
        #expect(watch.isInForce == false)
        try text.write(toFile: folder.file("plane"), atomically: true, encoding: .utf8)
        try await TestProcess.run("/usr/bin/touch", ["--date", "10 minutes ago", folder.file("plane")])
        await watch.check()
        #expect(watch.isInForce == false)
    }

    @Test("what the drone knows of its firewall is in its signs of life", arguments: [nil, true, false] as [Bool?])
    func statuses(isIsolated: Bool?) async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent(change: { $0.isIsolated = { isIsolated } }) {
                try await eventually("a sign of life") { !fixture.statuses.all.isEmpty }
            }
        }
        #expect(fixture.statuses.all.allSatisfy { $0.isIsolated == isIsolated })
    }
}
