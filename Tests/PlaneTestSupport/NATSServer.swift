package import Foundation
import Synchronization

/// A real nats-server of this test's own: random port on loopback, everything it stores in a temporary directory.
///
/// It dies with this object, and with the test process however that ends: the server is started by a shell whose
/// watcher listens on a socket held by this process, and a closed socket means kill.
package final class NATSServer: Sendable {
    /// How to end the server.
    package enum Signal: String, Sendable {
        /// Orderly: clients are told, stores are synced.
        case terminate = "TERM"
        /// As in a power cut.
        case kill = "KILL"
    }

    private enum State {
        case stopped
        case running(NATSServerProcess)
    }

    /// Holds `nats.conf` and the JetStream store; removed with this object.
    package let directory: URL
    /// Where clients connect; the same after `restart()`.
    package let port: UInt16
    private let state: Mutex<State>

    /// `nats://127.0.0.1:<port>`, without credentials.
    package var url: String { "nats://127.0.0.1:\(self.port)" }

    private init(directory: URL, port: UInt16, process: NATSServerProcess) {
        self.directory = directory
        self.port = port
        self.state = Mutex(.running(process))
    }

    deinit {
        if case .running(let process) = self.state.withLock({ $0 }) { process.signal(.kill) }
        // A directory that cannot be removed lies in the temporary directory and does no harm.
        try? FileManager.default.removeItem(at: self.directory)
    }

    /// Starts a server and returns when it accepts connections.
    /// - Parameters:
    ///   - jetStream: whether streams are available, stored in `directory`.
    ///   - configuration: more lines for `nats.conf`; `$DIRECTORY` in them stands for `directory`.
    ///   - port: a fixed port, or nil for a free one.
    ///   - prepare: called with `directory` before the server starts, to put certificates or keys there.
    package static func start(
        jetStream: Bool = true, configuration: String? = nil, port: UInt16? = nil,
        prepare: (URL) async throws -> Void = { _ in }
    ) async throws -> NATSServer {
        let directory = FileManager.default.temporaryDirectory.appending(path: "nats-server-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try await prepare(directory)
        var lines = ["server_name: \"test-\(UUID().uuidString)\""]
        if jetStream { lines.append("jetstream { store_dir: \"\(directory.path)/store\" }") }
        if let configuration { lines.append(configuration.replacing("$DIRECTORY", with: directory.path)) }
        try lines.joined(separator: "\n").write(
            to: directory.appending(path: "nats.conf"), atomically: true, encoding: .utf8)
        let process = NATSServerProcess(directory: directory, port: try port ?? freeLoopbackPort())
        let boundPort = try await process.start()
        return NATSServer(directory: directory, port: boundPort, process: process)
    }

    /// Ends the server and returns when it is gone. Its store stays; stopping a stopped server does nothing.
    package func stop(_ signal: Signal = .terminate) async {
        let running: NATSServerProcess? = self.state.withLock { state in
            defer { state = .stopped }
            switch state {
            case .stopped: return nil
            case .running(let process): return process
            }
        }
        guard let running else { return }
        running.signal(signal)
        await running.waitForEnd()
    }

    /// Starts a stopped server again on the same port with the same store.
    package func startAgain() async throws {
        let process = NATSServerProcess(directory: self.directory, port: self.port)
        _ = try await process.start()
        self.state.withLock { $0 = .running(process) }
    }

    /// Runs `body` while the server is on another port, with the same store, so that what was connected is cut off while others use it.
    package func whileElsewhere(_ body: (_ url: String) async throws -> Void) async throws {
        await self.stop()
        let process = NATSServerProcess(directory: self.directory, port: try freeLoopbackPort())
        let port = try await process.start()
        self.state.withLock { $0 = .running(process) }
        try await body("nats://127.0.0.1:\(port)")
        try await self.restart()
    }

    /// Ends the server and starts it again on the same port with the same store.
    package func restart(_ signal: Signal = .terminate) async throws {
        await self.stop(signal)
        try await self.startAgain()
    }
}

/// Runs `body` with a server which is stopped when the body returns or throws.
package func withNATSServer<Result>(
    jetStream: Bool = true, configuration: String? = nil, _ body: (NATSServer) async throws -> Result
) async throws -> Result {
    let server = try await NATSServer.start(jetStream: jetStream, configuration: configuration)
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}
