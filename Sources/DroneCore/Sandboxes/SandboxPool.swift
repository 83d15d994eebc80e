import DroneStore
package import Logging
import LogKeys
import Metrics
package import PlaneProtocol
import PlaneService
import Synchronization
import Timing

/// Keeps some sandboxes ready for the next backends, and knows with which runtime containers start fastest.
///
/// `SandboxPoolMachine` decides what to do. One task, `run()`, does one thing after the other, so the pool never keeps Docker busier than one start does.
/// Claims return at once, on any task.
package final class SandboxPool: Sendable {
    /// How long to wait before what did not work is tried again: Docker may have been upgraded or configured.
    private static let probePause = Duration.seconds(600)

    private let maker: any SandboxMaker
    private let time: AgentTime
    private let logger: Logger
    private let machine: Mutex<SandboxPoolMachine>
    /// Yields when there may be something to do.
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation
    private let isProbed = Mutex(false)
    private let freeMeter = Meter(label: "plane_drone_free_sandboxes")

    /// - Parameter size: how many sandboxes are kept ready.
    package init(size: Int, maker: any SandboxMaker, time: AgentTime = AgentTime(), logger: Logger) {
        self.maker = maker
        self.time = time
        self.logger = logger
        self.machine = Mutex(SandboxPoolMachine(size: size))
        (self.bell, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - For starts

    /// How the backend's container is to be made; nil for the usual way. From now on until `startEnded` its start counts as running.
    package func claim(for backend: BackendID) -> Shortcut? {
        let shortcut = self.change { $0.claim(for: backend, now: self.time.uptime()) }
        guard let shortcut else { return nil }
        let result = shortcut.sandbox == nil ? "miss" : "hit"
        Counter(label: "plane_drone_sandbox_claims_total", dimensions: [("result", result)]).increment()
        return shortcut
    }

    /// Takes a sandbox back with which no container was or will be made.
    package func giveBack(_ sandbox: Sandbox) { self.change { $0.giveBack(sandbox) } }

    /// Removes a sandbox that cannot be used.
    package func discard(_ sandbox: Sandbox) { self.change { $0.discard(sandbox.id) } }

    /// Called when the backend's container runs, or could not be started.
    ///
    /// - Returns: Whether the container was made by a shortcut of this pool.
    package func startEnded(of backend: BackendID, well: Bool) -> Bool {
        switch self.change({ $0.startEnded(of: backend, well: well, now: self.time.uptime()) }) {
        case .shortcut: return true
        case .plain: return false
        case .distrusted:
            self.logger.warning("network sandboxes are not used any more: backends could not be started with them, and could without")
            return false
        }
    }

    /// Called when the start was given up before a container was started.
    package func startAbandoned(of backend: BackendID) { self.change { $0.startAbandoned(of: backend) } }

    // MARK: - For who looks after containers

    /// Sandboxes that the reconciler must not remove: their ids, and the name of the one that is being made.
    package var known: Set<String> { self.machine.withLock { $0.known } }

    /// The sandboxes that are ready, by the engine's id.
    package var free: Set<String> { self.machine.withLock { Set($0.free.map(\.id)) } }

    /// Called when containers have ended, among which may be sandboxes that were ready.
    package func ended(_ ids: Set<String>) {
        let lost = self.free.intersection(ids)
        guard !lost.isEmpty else { return }
        self.logger.notice("network sandboxes have ended and are made anew", metadata: [LogKey.count: "\(lost.count)"])
        self.change { machine in for id in lost { machine.discard(id) } }
    }

    package func set(draining: Bool) { self.change { $0.isDraining = draining } }

    /// Whether it was found out if sandboxes work, and by which runtime.
    package var hasProbed: Bool { self.isProbed.withLock { $0 } }

    /// By which containers start fastest; nil for the engine's own, and while nothing is known.
    package var runtime: String? { self.machine.withLock { $0.usable?.runtime } }

    // MARK: - Keeping it full

    /// Probes, takes over the sandboxes of an earlier agent, and keeps the pool full, until cancelled. The sandboxes stay then.
    ///
    /// - Parameter adoptable: returns containers of this drone that are sandboxes and that certainly no backend uses.
    package func run(adoptable: @Sendable () async throws -> [ContainerListing]) async {
        while !Task.isCancelled {
            guard let probe = await self.probe() else { continue }
            var adopted: [Sandbox] = []
            do {
                adopted = try await adoptable().filter { $0.isRunning && self.maker.isOurs($0) }.compactMap { listing in
                    listing.container.id.map { Sandbox(id: $0, name: listing.container.name) }
                }
            } catch {
                // Sandboxes that are not taken over are removed by the reconciler after a while.
                if !Task.isCancelled { self.logger.warning("sandboxes could not be taken over", metadata: [LogKey.error: "\(error)"]) }
            }
            let isOpen = self.change { machine in
                machine.open(runtime: probe.runtime, adopted: adopted)
                return machine.usable != nil
            }
            self.isProbed.withLock { $0 = true }
            self.logger.info("network sandboxes are used", metadata: [LogKey.reason: "\(probe.findings)", LogKey.count: "\(adopted.count)"])
            if isOpen { await self.keepFull() }
        }
    }

    /// - Returns: Nil when another probe is to be made now.
    private func probe() async -> SandboxProbe? {
        for failures in 1... {
            do throws(BackendEngineError) {
                return try await self.maker.probe()
            } catch {
                guard !Task.isCancelled else { return nil }
                if error.code == .unavailable {
                    self.logger.debug("sandboxes were not tried yet", metadata: [LogKey.error: "\(error)"])
                    guard (try? await self.time.sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return nil }
                } else {
                    self.isProbed.withLock { $0 = true }
                    self.logger.notice("network sandboxes are not used", metadata: [LogKey.reason: "\(error)"])
                    try? await self.time.sleep(Self.probePause)
                    return nil
                }
            }
        }
        return nil
    }

    /// Keeps the pool full. Returns some time after sandboxes have turned out not to work.
    private func keepFull() async {
        var failures = 0
        for await _ in self.bell {
            while let step = self.machine.withLock({ $0.next(now: self.time.uptime(), name: Sandbox.randomName()) }) {
                guard !Task.isCancelled else { return }
                switch step {
                case .wait(let pause): try? await self.time.sleep(pause)
                case .remove(let id): await self.remove(id)
                case .make(let name):
                    failures = await self.make(name) ? 0 : failures + 1
                    if failures > 0 { try? await self.time.sleep(RetrySchedule.engine.pause(after: failures)) }
                }
            }
            if self.machine.withLock({ $0.usable == nil }) {
                try? await self.time.sleep(Self.probePause)
                return
            }
        }
    }

    private func make(_ name: String) async -> Bool {
        let runtime = self.machine.withLock { $0.usable?.runtime }
        do throws(BackendEngineError) {
            let sandbox = try await self.maker.make(name, runtime: runtime)
            self.change { $0.made(sandbox) }
            return true
        } catch {
            self.change { $0.makingFailed() }
            if !Task.isCancelled { self.logger.warning("a network sandbox could not be made", metadata: [LogKey.error: "\(error)"]) }
            return false
        }
    }

    private func remove(_ sandbox: String) async {
        do throws(BackendEngineError) {
            try await self.maker.remove(sandbox)
        } catch {
            // The reconciler removes it later.
            if !Task.isCancelled { self.logger.debug("a sandbox could not be removed", metadata: [LogKey.error: "\(error)"]) }
        }
    }

    @discardableResult
    private func change<Result: Sendable>(_ body: (inout SandboxPoolMachine) -> Result) -> Result {
        let (result, count) = self.machine.withLock { machine in
            let result = body(&machine)
            return (result, machine.free.count)
        }
        self.freeMeter.set(count)
        self.ring.yield()
        return result
    }
}
