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
    }

    /// The engine these tests may use; without one they cannot run.
    static let dockerSocket = ProcessInfo.processInfo.environment["PLANE_TEST_DOCKER_SOCKET"]

    let server: NATSServer
    let bus: NATSConnection
    let cluster: ClusterName
    let drone: DroneID
    let proxyPort: UInt16
    private let directory: URL
    private let parts = Mutex<[Part: TestProcess]>([:])

    private init(
        server: NATSServer, bus: NATSConnection, cluster: ClusterName, drone: DroneID, directory: URL, proxyPort: UInt16
    ) {
        self.server = server
        self.bus = bus
        self.cluster = cluster
        self.drone = drone
        self.directory = directory
        self.proxyPort = proxyPort
    }

    deinit {
        // A directory that cannot be removed lies in the temporary directory and does no harm.
        try? FileManager.default.removeItem(at: self.directory)
    }

    /// Starts every part and waits until a drone can be scheduled on.
    static func start() async throws -> LocalCluster {
        let server = try await NATSServer.start()
        let token = UUID().uuidString.prefix(8).lowercased()
        let directory = FileManager.default.temporaryDirectory.appending(path: "plane-cluster-\(token)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let bus = try await NATSConnection.connect(
            NATSOptions(servers: [server.url]), logger: Logger(label: "integration-tests"))
        let cluster = LocalCluster(
            server: server, bus: bus, cluster: ClusterName(rawValue: "t\(token).localhost")!,
            drone: DroneID(rawValue: "drone-\(token)")!, directory: directory, proxyPort: try freeLoopbackPort())
        try cluster.writeConfiguration()
        for part in Part.allCases { try await cluster.start(part) }
        return cluster
    }

    /// Kills every part and the server. Backends are ended first by the test which made them.
    func stop() async {
        for part in Part.allCases { await self.stop(part, .kill) }
        await self.bus.drain(timeout: .seconds(1))
        await self.server.stop(.kill)
    }

    /// Starts a part and returns when it does its job.
    func start(_ part: Part) async throws {
        let process = try TestProcess.ours(
            part.rawValue, [self.directory.appending(path: part.configurationFile).path])
        self.parts.withLock { $0[part] = process }
        try await process.line(containing: "\(part.rawValue) is ready")
    }

    func stop(_ part: Part, _ signal: TestProcess.Signal) async {
        let process = self.parts.withLock { $0.removeValue(forKey: part) }
        await process?.stop(signal)
    }

    func log(of part: Part) -> [String] { self.parts.withLock { $0[part]?.log ?? [] } }

    /// `<backend>.<cluster>:<port>`, as a browser would send it.
    func host(of backend: BackendID) -> String { "\(backend.rawValue).\(self.cluster.rawValue):\(self.proxyPort)" }

    private func writeConfiguration() throws {
        let natsHost = "127.0.0.1:\(self.server.port)"
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
        [agent.docker.connection]
        socket = "\(Self.dockerSocket ?? "/var/run/docker.sock")"
        [proxy]
        bind_ip = "127.0.0.1"
        http_port = \(self.proxyPort)
        """.write(to: self.directory.appending(path: "drone.toml"), atomically: true, encoding: .utf8)
    }
}
