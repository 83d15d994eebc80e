import Logging
import LogKeys
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// Collects the active backends from all event loops about once a second and has them written down together.
///
/// What could not be written stays and goes with the next round, so a locked file delays activity but loses none.
final class ActivityFlusher: Sendable {
    private static let interval: TimeAmount = .seconds(1)
    /// The pause before another attempt, if a visitor's wish for a frozen backend could not be written.
    private static let wantedPause: TimeAmount = .milliseconds(100)
    /// The least time between two writes of that, because strangers who ask on while a backend is thawed, or while no agent runs, must not keep the agent from
    /// the file.
    private static let wantedInterval: TimeAmount = .milliseconds(5)

    private let sink: any ActivitySink
    private let logger: Logger
    /// A loop of its own: the sink may block it for as long as another process holds the file's write lock.
    private let loop: any EventLoop
    private let workers: [NIOLoopBound<ProxyWorker>]
    private let state: NIOLoopBound<State>

    /// Only touched on `loop`.
    private final class State {
        var unsaved: [String: BackendActivity] = [:]
        var timer: RepeatedTask?
        /// Frozen backends that visitors want, of which the sink has not been told.
        var wanted: Set<String> = []
        var wantedWrittenAt = NIODeadline.uptimeNanoseconds(0)
        /// Whether the event loops were told of a backend that may be frozen.
        var reportedFrozen = false
    }

    init(sink: any ActivitySink, workers: [NIOLoopBound<ProxyWorker>], loop: any EventLoop, logger: Logger) async throws {
        self.sink = sink
        self.workers = workers
        self.loop = loop
        self.logger = logger
        self.state = try await loop.submit { NIOLoopBound(State(), eventLoop: loop) }.get()
    }

    func start() {
        for worker in self.workers { worker.eventLoop.execute { worker.value.flusher = self } }
        self.loop.execute {
            self.state.value.timer = self.loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in
                _ = self.collect()
            }
        }
    }

    /// Collects and writes once more, when the proxy stops.
    func stop() async throws {
        try await self.loop.flatSubmit {
            self.state.value.timer?.cancel()
            return self.collect()
        }.get()
    }

    private func collect() -> EventLoopFuture<Void> {
        let collected = self.workers.map { worker in
            worker.eventLoop.submit { worker.value.activity.take() }
        }
        return EventLoopFuture.whenAllSucceed(collected, on: self.loop).map { lists in
            self.note(lists.joined())
            self.write()
            self.reportFrozen(lists.joined().contains { $0.openTunnels > 0 })
        }
    }

    /// Adds up what the event loops say of each backend, and replaces what an earlier round said of it and could not write.
    private func note(_ activity: some Sequence<BackendActivity>) {
        let now = Dictionary(activity.map { ($0.name, $0) }) { one, other in
            BackendActivity(
                name: one.name, openRequests: one.openRequests + other.openRequests, openTunnels: one.openTunnels + other.openTunnels,
                isQuiet: one.isQuiet && other.isQuiet)
        }
        self.state.value.unsaved.merge(now) { old, new in
            var new = new
            new.isQuiet = old.isQuiet && new.isQuiet
            return new
        }
    }

    /// A visitor wants this backend, which may be frozen: the sink is told at once. Called on any thread.
    func want(_ name: String) {
        self.loop.execute {
            let isFirst = self.state.value.wanted.isEmpty
            self.state.value.wanted.insert(name)
            guard isFirst else { return }
            // What others have asked for meanwhile is written together.
            let due = self.state.value.wantedWrittenAt + Self.wantedInterval
            if due <= .now() { self.loop.execute { self.writeWanted() } } else { self.loop.scheduleTask(deadline: due) { self.writeWanted() } }
        }
    }

    private func writeWanted() {
        let state = self.state.value
        do {
            state.wantedWrittenAt = .now()
            try self.sink.want(Array(state.wanted), at: Int64(time(nil)))
            state.wanted.removeAll(keepingCapacity: true)
        } catch {
            self.logger.warning(
                "frozen backends could not be woken, another attempt follows",
                metadata: [LogKey.backends: "\(state.wanted.count)", LogKey.error: "\(error)"])
            self.loop.scheduleTask(in: Self.wantedPause) { self.writeWanted() }
        }
    }

    /// Tells the event loops which of the backends with something open are frozen, so that pings of their WebSockets are answered.
    private func reportFrozen(_ hasTunnels: Bool) {
        let state = self.state.value
        // If it cannot be read, what is known stays for another second.
        guard hasTunnels || state.reportedFrozen, let holds = try? self.sink.holds(), state.reportedFrozen || !holds.isEmpty else { return }
        state.reportedFrozen = !holds.isEmpty
        for worker in self.workers { worker.eventLoop.execute { worker.value.apply(holds) } }
    }

    private func write() {
        let state = self.state.value
        guard !state.unsaved.isEmpty else { return }
        do {
            try self.sink.recordActivity(Array(state.unsaved.values), at: Int64(time(nil)))
            state.unsaved.removeAll(keepingCapacity: true)
        } catch {
            self.logger.warning(
                "activity could not be written, will be with the next round",
                metadata: [LogKey.backends: "\(state.unsaved.count)", LogKey.error: "\(error)"])
        }
    }
}
