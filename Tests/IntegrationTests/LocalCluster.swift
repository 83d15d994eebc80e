import Foundation
import Logging
import NATS
import PlaneProtocol
import PlaneTestSupport
import Synchronization

/// A whole cluster on loopback, made of the real programs: nats-server, scheduler, drone-agent and drone-proxy, over the
/// real Docker.
///
/// Each part can be killed and started again by itself, as on a machine. What it wrote is removed with it.
final class LocalCluster: Sendable {
    enum Part: String, CaseIterable {
        case scheduler
        case agent = "drone-agent"
        case proxy = "drone-proxy"

        var configurationFile: String { self == .scheduler ? "controller.toml" : "drone.toml" }
        /// Of the sample nats-server.conf.
        var user: String { self == .scheduler ? "scheduler" : "drone-1" }
    }

    /// The engine these tests may use; without one they cannot run.
    static let dockerSocket = ProcessInfo.processInfo.environment["PLANE_TEST_DOCKER_SOCKET"]

    let server: NATSServer
    /// nil if everybody may say and hear everything.
    let guarded: GuardedNATS?
    let bus: NATSConnection
    let cluster: ClusterName
    let drone: DroneID
    let proxyPort: UInt16
    /// The Docker its drone uses.
    let dockerSocket: String
    private let directory: URL
    private let parts = Mutex<[Part: TestProcess]>([:])

    /// The drone's table.
    var tablePath: String { "\(self.directory.path)/drone.sqlite3" }

    private init(
        server: NATSServer, guarded: GuardedNATS?, bus: NATSConnection, cluster: ClusterName, drone: DroneID, directory: URL,
        proxyPort: UInt16, dockerSocket: String
    ) {
        self.server = server
        self.guarded = guarded
        self.bus = bus
        self.cluster = cluster
        self.drone = drone
        self.directory = directory
        self.proxyPort = proxyPort
        self.dockerSocket = dockerSocket
    }

    deinit {
        // A directory that cannot be removed lies in the temporary directory and does no harm.
        try? FileManager.default.removeItem(at: self.directory)
    }

    /// Starts every part and waits until a drone can be scheduled on.
    /// - Parameters:
    ///   - dockerSocket: nil for the Docker of all tests.
    ///   - isGuarded: every part is a user of its own of the sample nats-server.conf, over TLS, and the tests are the application.
    static func start(dockerSocket: String? = nil, isGuarded: Bool = false) async throws -> LocalCluster {
        let token = UUID().uuidString.prefix(8).lowercased()
        let guarded = isGuarded ? try await GuardedNATS.start(clusterToken: "t\(token)_localhost", drone: "drone-\(token)") : nil
        let server = if let guarded { guarded.server } else { try await NATSServer.start() }
        let directory = FileManager.default.temporaryDirectory.appending(path: "plane-cluster-\(token)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let application = guarded?.options("application", inboxPrefix: "app.inbox")
        if let guarded, let application { try await guarded.keepStatesForApplication(application) }
        let bus = try await NATSConnection.connect(
            application ?? NATSOptions(servers: [server.url]), logger: Logger(label: "integration-tests"))
        let cluster = LocalCluster(
            server: server, guarded: guarded, bus: bus, cluster: ClusterName(rawValue: "t\(token).localhost")!,
            drone: DroneID(rawValue: "drone-\(token)")!, directory: directory, proxyPort: try freeLoopbackPort(),
            dockerSocket: dockerSocket ?? Self.dockerSocket ?? "/var/run/docker.sock")
        try cluster.writeConfiguration()
        for part in Part.allCases { try await cluster.start(part) }
        return cluster
    }

    /// Kills every part and the server. Backends are ended first by the test which made them.
    func stop() async {
        for part in Part.allCases { await self.stop(part, .kill) }
        await self.removeSandboxes()
        await self.bus.drain(timeout: .seconds(1))
        await self.server.stop(.kill)
    }

    /// Networks that its agent keeps ready.
    static let sandboxes = 2

    /// They outlive the agent that has made them, and so do containers that are parked.
    private func removeSandboxes() async {
        let script = """
            ids=$(docker -H "unix://$1" ps -aq --filter label=dev.plane.role --filter "label=dev.plane.drone=$2")
            [ -z "$ids" ] || docker -H "unix://$1" rm -f $ids
            """
        // Some are being removed, or their Docker is gone: what is left does no harm.
        _ = try? await TestProcess.run("/bin/sh", ["-c", script, "sh", self.dockerSocket, self.drone.rawValue])
    }

    /// Starts a part and returns when it does its job.
    func start(_ part: Part) async throws {
        try await self.launch(part).line(containing: "\(part.rawValue) is ready")
    }

    /// Starts a part and does not wait for it.
    @discardableResult
    func launch(_ part: Part, environment: [String: String] = [:]) throws -> TestProcess {
        let process = try TestProcess.ours(
            part.rawValue, [self.directory.appending(path: part.configurationFile).path],
            environment: (self.guarded?.environment(part.user) ?? [:]).merging(environment) { $1 })
        self.parts.withLock { $0[part] = process }
        return process
    }

    func stop(_ part: Part, _ signal: TestProcess.Signal) async {
        let process = self.parts.withLock { $0.removeValue(forKey: part) }
        await process?.stop(signal)
    }

    func log(of part: Part) -> [String] { self.parts.withLock { $0[part]?.log ?? [] } }

    /// `<backend>.<cluster>:<port>`, as a browser would send it.
    func host(of backend: BackendID) -> String { "\(backend.rawValue).\(self.cluster.rawValue):\(self.proxyPort)" }

    private func writeConfiguration() throws {
        let natsHost = self.guarded?.url ?? self.server.url
        try """
        [nats]
        hosts = ["\(natsHost)"]
        [scheduler]
        """.write(to: self.directory.appending(path: "controller.toml"), atomically: true, encoding: .utf8)
        try """
        drone_id = "\(self.drone.rawValue)"
        cluster_domain = "\(self.cluster.rawValue)"
        db_path = "\(self.directory.path)/drone.sqlite3"
        [nats]
        hosts = ["\(natsHost)"]
        [agent]
        ip = "127.0.0.1"
        public_scheme = "http"
        public_port = \(self.proxyPort)
        sandboxes = \(Self.sandboxes)
        [agent.docker.connection]
        socket = "\(self.dockerSocket)"
        [proxy]
        bind_ip = "127.0.0.1"
        http_port = \(self.proxyPort)
        """.write(to: self.directory.appending(path: "drone.toml"), atomically: true, encoding: .utf8)
    }
}
