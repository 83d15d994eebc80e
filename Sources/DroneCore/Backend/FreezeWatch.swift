package import DroneStore
import PlaneProtocol
import Synchronization

/// Notices when somebody wants a backend that is frozen. One for all backends of the drone.
///
/// The proxy writes into the table that a visitor wants a backend. While backends are frozen the kernel tells when anything is written, and then this reads
/// which backends are wanted, on the store's own thread. A proxy of an older version does not write that. It writes that the backend is active, or has a
/// request open, and this is looked for once a second.
package final class FreezeWatch: Sendable {
    fileprivate struct Frozen {
        let wakes: AsyncStream<Void>.Continuation
        /// What the table said of its last activity before it was frozen, or while only quiet WebSockets were open; nil if not known.
        var lastActive: Int64?
    }

    private struct State {
        var frozen: [BackendID: Frozen] = [:]
        /// How many operators' programs run in each.
        var uses: [BackendID: Int] = [:]
        var version: Int64?
        /// How often to look on without being told to.
        var looksLeft = 0
        var mustLookWidely = false
        var lookedWidelyAt: Duration?
    }

    /// Between two looks, however much is written.
    private static let rest = Duration.milliseconds(10)
    /// How many looks follow a write, besides the first. The kernel tells of a write when it reaches the file, and SQLite lets it be read a moment later: some
    /// microseconds, or milliseconds if the writer has to wait for a processor in between.
    private static let looksAfterWrite = 5
    /// Between two looks where the kernel tells of nothing.
    private static let blindPause = Duration.milliseconds(50)
    private static let widePause = Duration.seconds(1)

    private let store: DroneStore
    private let pause: Duration
    private let watchWrites: WatchWrites
    private let state = Mutex(State())
    /// Yields when a backend is frozen.
    private let begun: AsyncStream<Void>
    private let begin: AsyncStream<Void>.Continuation
    /// Yields when it is time to look.
    private let news: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    /// Calls what it is given after each write to the store, until the result is released; nil where the kernel does not tell.
    typealias WatchWrites = @Sendable (_ written: @escaping @Sendable () -> Void) -> StoreWrites?

    package convenience init(store: DroneStore) {
        self.init(store: store, watchWrites: { store.watchWrites($0) })
    }

    /// - Parameter pause: between two looks when nothing is written.
    init(store: DroneStore, pause: Duration = .milliseconds(250), watchWrites: @escaping WatchWrites) {
        self.store = store
        self.pause = pause
        self.watchWrites = watchWrites
        (self.begun, self.begin) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.news, self.ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Frozen backends

    /// Waits until somebody wants this backend, which is marked as frozen in the table, or until the task is cancelled.
    ///
    /// - Parameter lastActive: see ``QuietVerdict/quiet(lastActive:)``; nil if an agent before this one has frozen it.
    func waitUntilWanted(_ backend: BackendID, lastActive: Int64?) async {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let isInUse = self.state.withLock { state in
            state.frozen[backend] = Frozen(wakes: wake, lastActive: lastActive)
            // What was written before counts, too.
            state.version = nil
            state.lookedWidelyAt = nil
            return state.uses[backend] != nil
        }
        defer { self.state.withLock { $0.frozen[backend] = nil } }
        if isInUse { return }
        self.begin.yield()
        self.ring.yield()
        for await _ in wakes { return }
    }

    /// Tells of wanted backends until cancelled.
    package func run(_ time: AgentTime) async {
        for await _ in self.begun {
            guard self.hasFrozen else { continue }
            await self.watch(time)
            guard !Task.isCancelled else { return }
        }
    }

    private var hasFrozen: Bool { self.state.withLock { !$0.frozen.isEmpty } }

    /// Looks whenever something was written, and from time to time, until no backend is frozen.
    private func watch(_ time: AgentTime) async {
        // Before the first look, so that no write is missed in between.
        let writes = self.watchWrites {
            self.state.withLock { $0.looksLeft = Self.looksAfterWrite }
            self.ring.yield()
        }
        let pause = writes == nil ? min(self.pause, Self.blindPause) : self.pause
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await time.sleep(pause)) != nil { self.ring.yield() }
            }
            self.ring.yield()
            for await _ in self.news {
                await self.poll(at: time)
                guard self.hasFrozen, (try? await time.sleep(Self.rest)) != nil else { break }
                if self.takeLook() { self.ring.yield() }
            }
            group.cancelAll()
        }
        withExtendedLifetime(writes) {}
    }

    private func takeLook() -> Bool {
        self.state.withLock { state in
            guard state.looksLeft > 0 else { return false }
            state.looksLeft -= 1
            return true
        }
    }

    /// Looks once. When the table cannot be read, the next look tries again.
    func poll(at time: AgentTime) async {
        do throws(StoreError) {
            if let wanted = try await self.store.wantedBackends(since: self.state.withLock { $0.version }) {
                self.state.withLock { state in
                    // Who has been frozen meanwhile is looked for once more: then there was a write.
                    state.version = wanted.version
                    state.mustLookWidely = true
                    for backend in wanted.backends { state.frozen[backend]?.wakes.yield() }
                }
            }
        } catch {
            self.state.withLock { $0.mustLookWidely = true }
        }
        let now = time.uptime()
        let isWide = self.state.withLock { state in
            guard state.mustLookWidely, state.lookedWidelyAt.map({ now - $0 >= Self.widePause }) ?? true else { return false }
            state.mustLookWidely = false
            state.lookedWidelyAt = now
            return true
        }
        guard isWide else { return }
        guard let activity = try? await self.store.frozenActivity(at: time.now().seconds) else {
            return self.state.withLock { $0.mustLookWidely = true }
        }
        self.state.withLock { state in
            for entry in activity { state.frozen[entry.backend]?.note(entry) }
        }
    }

    // MARK: Operators

    /// An operator's program begins to run in the backend, which is thawed and not frozen until ``endUse(of:)``.
    func beginUse(of backend: BackendID) {
        self.state.withLock { state in
            state.uses[backend, default: 0] += 1
            state.frozen[backend]?.wakes.yield()
        }
    }

    func endUse(of backend: BackendID) {
        self.state.withLock { state in
            let left = (state.uses[backend] ?? 0) - 1
            state.uses[backend] = left > 0 ? left : nil
        }
    }

    func isInUse(_ backend: BackendID) -> Bool { self.state.withLock { $0.uses[backend] != nil } }
}

extension FreezeWatch.Frozen {
    /// Quiet WebSockets count as activity in the table, but do not thaw a backend.
    fileprivate mutating func note(_ activity: FrozenActivity) {
        switch activity.connections {
        case .busy: self.wakes.yield()
        case .quiet: self.lastActive = activity.lastActive
        case .none:
            if let known = self.lastActive, let last = activity.lastActive, last > known { self.wakes.yield() }
            self.lastActive = self.lastActive ?? activity.lastActive
        }
    }
}
