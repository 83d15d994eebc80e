import DroneStore
package import Logging
import LogKeys
import PlaneProtocol
import PlaneService
import Synchronization
import Timing

/// Follows the engine's events, and tells the supervisors of containers that ended to inspect them. If the stream breaks, it is opened again from where it
/// was, so that exits during a restart of Docker are noticed too.
package struct ExitWatch: Sendable {
    /// How far the stream is read again, before the last moment at which it was known to work. Learning of an exit twice does no harm.
    private static let overlapSeconds: Int64 = 5
    /// If a watch has lasted this long, its failure counts as the first in a row.
    private static let steadySeconds: Int64 = 60

    private let feeds: any EngineFeeds
    private let registry: BackendRegistry
    private let reconciler: Reconciler
    private let sandboxes: SandboxPool?
    private let parked: ParkedPool?
    private let time: AgentTime
    private let logger: Logger

    package init(
        feeds: any EngineFeeds, registry: BackendRegistry, reconciler: Reconciler, sandboxes: SandboxPool? = nil, parked: ParkedPool? = nil,
        time: AgentTime = AgentTime(), logger: Logger
    ) {
        self.feeds = feeds
        self.registry = registry
        self.reconciler = reconciler
        self.sandboxes = sandboxes
        self.parked = parked
        self.time = time
        self.logger = logger
    }

    package func run() async {
        var since = self.time.now()
        var failures = 0
        while !Task.isCancelled {
            let opened = self.time.now()
            let lastHeard = Mutex<WireTime?>(nil)
            do throws(BackendEngineError) {
                try await self.feeds.watchExits(since: since) { news in
                    lastHeard.withLock { $0 = self.time.now() }
                    await self.hear(news)
                }
            } catch {
                guard !Task.isCancelled else { return }
                self.logger.warning("the engine's events broke off", metadata: [LogKey.error: "\(error)"])
            }
            // A watch that never began keeps the earlier moment.
            if let heard = lastHeard.withLock({ $0 }) { since = WireTime(seconds: heard.seconds - Self.overlapSeconds) }
            let lasted = self.time.now().seconds - opened.seconds
            failures = lasted > Self.steadySeconds ? 1 : failures + 1
            guard (try? await self.time.sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }

    private func hear(_ news: ExitEvent) async {
        switch news {
        case .listening: await self.reconciler.reconcile()  // the engine forgets old events
        case .ended(let container):
            if let id = container.id {
                self.sandboxes?.ended([id])
                self.parked?.ended([id])
            }
            await self.registry.supervisor(of: container)?.exitHint()
        }
    }
}
