import Glibc
package import Logging
import LogKeys
import PlaneProtocol
import PlaneService
import ServiceLifecycle
import Synchronization

/// Makes the isolated network when it is missing, and knows whether the firewall's rules for it are in force. The agent may not read the rules; it reads the
/// file that `isolate-network` (root) writes each time it has renewed them.
package final class IsolationWatch: Service {
    /// How often network and rules are checked; the rules are renewed as often.
    private static let period = Duration.seconds(30)
    /// An older file was left by a service that does not run any more.
    private static let longestAgeSeconds: Int64 = 180
    package static let standardFolder = "/run/plane-isolation"

    private let network: IsolatedNetwork
    private let ensureNetwork: @Sendable () async throws(BackendEngineError) -> Void
    private let folder: String
    private let time: AgentTime
    private let logger: Logger
    private let state = Mutex<Bool?>(nil)

    /// - Parameter folder: where the file with the rules in force is; the file is named after the bridge.
    package init(
        _ network: IsolatedNetwork, folder: String = IsolationWatch.standardFolder, time: AgentTime = AgentTime(), logger: Logger,
        ensureNetwork: @escaping @Sendable () async throws(BackendEngineError) -> Void
    ) {
        self.network = network
        self.ensureNetwork = ensureNetwork
        self.folder = folder
        self.time = time
        self.logger = logger
    }

    /// Whether containers are cut off from this machine; nil before the first check.
    package var isInForce: Bool? { self.state.withLock { $0 } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat {
                await self.check()
            } while (try? await self.time.sleep(Self.period)) != nil
        }
    }

    func check() async {
        do throws(BackendEngineError) {
            try await self.ensureNetwork()
        } catch {
            self.logger.warning("the network of the backends could not be made", metadata: [LogKey.error: "\(error)"])
        }
        let isInForce = self.rulesAreFresh
        let before = self.state.withLock { state in
            defer { state = isInForce }
            return state
        }
        guard before != isInForce else { return }
        if isInForce {
            self.logger.info("the firewall keeps backends away from this machine")
        } else {
            self.logger.warning(
                "the firewall's rules are not there: backends reach what listens on this machine. Is plane-isolation (isolate-network) running?")
        }
    }

    private var rulesAreFresh: Bool {
        let path = "\(self.folder)/\(self.network.name)"
        var status = stat()
        guard stat(path, &status) == 0, let text = ProcFile.text(of: path) else { return false }
        let age = self.time.now().seconds - Int64(status.st_mtim.tv_sec)
        return age <= Self.longestAgeSeconds && text.hasPrefix(self.network.rules(nameServers: NameServers.ofThisMachine()))
    }
}
