import Logging
import PlaneProtocol
import PlaneService
import Synchronization
import Timing

/// Listens to the engine's events and hints the supervisors of containers that ended. When the stream breaks it is opened again from
/// where it was, so that exits during a restart of Docker are heard of too.
package struct ExitWatch: Sendable {
    /// Reopening looks back this far beyond the last moment the stream was known to work. Hearing of an exit twice does no harm.
    private static let overlapSeconds: Int64 = 5
    /// A watch that held for this long broke for a new reason.
    private static let steadySeconds: Int64 = 60

    private let context: BackendContext
    private let registry: BackendRegistry
    private let reconciler: Reconciler

    package init(context: BackendContext, registry: BackendRegistry, reconciler: Reconciler) {
        self.context = context
        self.registry = registry
        self.reconciler = reconciler
    }

    package func run() async {
        var since = self.context.now()
        var failures = 0
        while !Task.isCancelled {
            let opened = self.context.now()
            let lastHeard = Mutex<WireTime?>(nil)
            do throws(EngineFailure) {
                try await self.context.feeds.watchExits(since: since) { news in
                    lastHeard.withLock { $0 = self.context.now() }
                    await self.hear(news)
                }
            } catch {
                guard !Task.isCancelled else { return }
                self.context.logger.warning("the engine's events broke off", metadata: [LogKey.error: "\(error)"])
            }
            // A watch that never began leaves the gap open.
            if let heard = lastHeard.withLock({ $0 }) { since = WireTime(seconds: heard.seconds - Self.overlapSeconds) }
            let lasted = self.context.now().seconds - opened.seconds
            failures = lasted > Self.steadySeconds ? 1 : failures + 1
            guard (try? await self.context.sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }

    private func hear(_ news: ExitEvent) async {
        switch news {
        case .listening: await self.reconciler.reconcile()  // the engine forgets old events
        case .ended(let container): await self.registry.supervisor(of: container)?.exitHint()
        }
    }
}
