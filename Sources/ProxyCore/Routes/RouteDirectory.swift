package import NIOCore
import NIOPosix
import Synchronization

/// What is known of all backends in use, kept true by asking a ``RouteSource`` when something has changed.
///
/// ```
///   traffic loop 1 ─┐ resolve(name)                     ┌─ version(), route(name)
///   traffic loop 2 ─┼──────────────► directory's thread ┼──────────────► RouteSource (SQLite)
///   traffic loop n ─┘ ◄───────────── changes            └─ every 2 ms while a request is held, every 20 ms while there is traffic
/// ```
///
/// Each traffic loop keeps its own copy of the routes it has asked for and looks names up there without a lock. It may trust the
/// copy while ``isFresh(at:)``; otherwise it asks, which costs one version check for however many are waiting. So an idle proxy
/// does not poll at all, and yet no request ever goes where a backend was more than ``freshness`` ago: container addresses are
/// given to others quickly.
package final class RouteDirectory: Sendable {
    /// How old a version check may be for routes to be used without another one.
    static let freshness: TimeAmount = .milliseconds(50)
    private static let pollWhileHolding: TimeAmount = .milliseconds(2)
    private static let pollWhileBusy: TimeAmount = .milliseconds(20)
    /// Polling goes on this long after somebody had to ask.
    private static let busyTime: TimeAmount = .seconds(1)

    /// A thread with a timer; nothing else runs on it, so the source may block it.
    private let loop: any EventLoop
    private let source: any RouteSource
    /// When the last successful version check began, as uptime nanoseconds.
    private let verified = Atomic<UInt64>(0)
    /// Requests being held, over all traffic loops.
    private let heldCount = Atomic<Int>(0)
    private let state: NIOLoopBound<State>

    /// Only touched on the directory's thread.
    private final class State {
        var version: Int64?
        /// Every answer given that was not `none`; bounded by the number of live backends.
        var known: [String: RouteAnswer] = [:]
        var listeners: [@Sendable (String, RouteAnswer) -> Void] = []
        var busyUntil: NIODeadline = .uptimeNanoseconds(0)
        var isPolling = false
    }

    /// - Parameter loop: A loop of its own, which carries no traffic.
    package init(source: any RouteSource, loop: any EventLoop) async throws {
        self.source = source
        self.loop = loop
        self.state = try await loop.submit { NIOLoopBound(State(), eventLoop: loop) }.get()
    }

    /// Calls `listener` on the directory's thread with every answer that differs from the one given before for the name.
    package func listen(_ listener: @escaping @Sendable (String, RouteAnswer) -> Void) {
        self.loop.execute { self.state.value.listeners.append(listener) }
    }

    /// Whether routes seen before are still to be trusted.
    package func isFresh(at now: NIODeadline) -> Bool {
        let verified = self.verified.load(ordering: .relaxed)
        return now.uptimeNanoseconds < verified &+ UInt64(Self.freshness.nanoseconds)
    }

    /// Looks `name` up and calls `completion` on the directory's thread, after the listeners have heard of all changes.
    ///
    /// - Parameter rereading: Ask the source for this name even though it reports no change.
    package func resolve(
        _ name: String, rereading: Bool = false, completion: @escaping @Sendable (Result<RouteAnswer, any Error>) -> Void
    ) {
        self.loop.execute {
            completion(Result { try self.answer(name, rereading: rereading) })
            self.state.value.busyUntil = .now() + Self.busyTime
            self.schedulePoll()
        }
    }

    /// Tells that one more or one fewer request is being held.
    package func changeHeldCount(by change: Int) {
        let before = self.heldCount.add(change, ordering: .relaxed).oldValue
        if before == 0, change > 0 { self.loop.execute { self.schedulePoll() } }
    }

    // MARK: On the directory's thread

    private func answer(_ name: String, rereading: Bool) throws -> RouteAnswer {
        try self.verify()
        if !rereading, let known = self.state.value.known[name] { return known }
        let answer = try self.source.route(name)
        self.note(name, answer)
        return answer
    }

    /// Asks for the version, and anew for every known name if it has moved.
    private func verify() throws {
        let state = self.state.value
        // Taken first: what changes while we read is found next time.
        let now = NIODeadline.now()
        let version = try self.source.version()
        if version != state.version {
            for name in state.known.keys {
                self.note(name, try self.source.route(name))
            }
            state.version = version
        }
        self.verified.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    private func note(_ name: String, _ answer: RouteAnswer) {
        let state = self.state.value
        let before = state.known[name] ?? .none
        guard answer != before else { return }
        state.known[name] = answer == .none ? nil : answer
        for listener in state.listeners { listener(name, answer) }
    }

    private func schedulePoll() {
        let state = self.state.value
        let isHolding = self.heldCount.load(ordering: .relaxed) > 0
        guard !state.isPolling, isHolding || state.busyUntil > .now() else { return }
        state.isPolling = true
        self.loop.scheduleTask(in: isHolding ? Self.pollWhileHolding : Self.pollWhileBusy) {
            self.state.value.isPolling = false
            // A source that cannot answer leaves routes as they are: open connections and known backends need nobody. They just
            // are not fresh, so the next request asks again and its failure is logged there.
            try? self.verify()
            self.schedulePoll()
        }
    }
}
