package import NIOCore
import NIOPosix
import Synchronization

/// Knows what the names in use mean, and is kept up to date by a ``RouteSource``.
///
/// ```
///   traffic loop 1 ─┐ resolve(name)                     ┌─ route(name)
///   traffic loop 2 ─┼──────────────► directory's thread ┼─ changes(since:), or told by the source ─► RouteSource
///   traffic loop n ─┘ ◄───────────── changes            └─ asked every 2 ms while a request is held, every 20 ms while there is traffic
/// ```
///
/// Each traffic loop keeps a copy of the routes that it has asked for, and looks names up there without a lock, as long as ``RouteFreshness`` says that the
/// copy is fresh. With a source that pushes it is always fresh; with one that is polled, for ``RouteFreshness/limit`` after each poll. Otherwise the loop
/// asks the directory, which polls once for all that wait. So an idle proxy does not poll at all, and yet no request goes where an endpoint was longer ago
/// than that: addresses of containers are soon used by others.
///
/// After a change the directory reads only those changed names that somebody has asked for.
package final class RouteDirectory<Value: RouteValue>: Sendable {
    private enum Source {
        case polled(any PolledRouteSource<Value>)
        case pushing(any PushingRouteSource<Value>)

        func route(_ name: String) throws -> Value {
            switch self {
            case .polled(let source): try source.route(name)
            case .pushing(let source): try source.route(name)
            }
        }
    }

    package let freshness: RouteFreshness
    /// An event loop on a thread of its own, which the source may block.
    private let loop: any EventLoop
    private let source: Source
    /// The number of requests being held, over all traffic loops.
    private let heldCount = Atomic<Int>(0)
    private let state: NIOLoopBound<State>

    /// Only touched on the directory's thread.
    private final class State {
        var version: Int64?
        /// Every answer that is to be kept. Its size is limited by the number of names that mean something.
        var known: [String: Value] = [:]
        var listeners: [@Sendable (String, Value) -> Void] = []
        var busyUntil: NIODeadline = .uptimeNanoseconds(0)
        var isPolling = false
    }

    /// - Parameter loop: A loop of its own, which carries no traffic.
    package convenience init(polling source: some PolledRouteSource<Value>, loop: any EventLoop) async throws {
        try await self.init(.polled(source), RouteFreshness(isPushed: false), loop: loop)
    }

    /// - Parameter loop: A loop of its own, which carries no traffic.
    package convenience init(following source: some PushingRouteSource<Value>, loop: any EventLoop) async throws {
        try await self.init(.pushing(source), RouteFreshness(isPushed: true), loop: loop)
        source.subscribe { [weak self] names in self?.changed(names) }
    }

    private init(_ source: Source, _ freshness: RouteFreshness, loop: any EventLoop) async throws {
        self.source = source
        self.freshness = freshness
        self.loop = loop
        self.state = try await loop.submit { NIOLoopBound(State(), eventLoop: loop) }.get()
    }

    /// Calls `listener` on the directory's thread with every answer that differs from the last one for its name.
    package func listen(_ listener: @escaping @Sendable (String, Value) -> Void) {
        self.loop.execute { self.state.value.listeners.append(listener) }
    }

    /// Looks `name` up and calls `completion` on the directory's thread, after the listeners have been told of all changes.
    ///
    /// - Parameter rereading: Asks the source for this name even if it reports no change.
    package func resolve(
        _ name: String, rereading: Bool = false, completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        self.loop.execute {
            completion(Result { try self.answer(name, rereading: rereading) })
            self.state.value.busyUntil = .now() + DirectoryPolling.busyTime
            self.schedulePoll()
        }
    }

    /// Says that more requests, or fewer (if negative), are being held.
    package func changeHeldCount(by change: Int) {
        let before = self.heldCount.add(change, ordering: .relaxed).oldValue
        if before == 0, change > 0 { self.loop.execute { self.schedulePoll() } }
    }

    /// The source has pushed a change.
    private func changed(_ names: [String]) {
        self.loop.execute { self.readAgain(names) }
    }

    // MARK: On the directory's thread

    private func answer(_ name: String, rereading: Bool) throws -> Value {
        try self.verify()
        if !rereading, let known = self.state.value.known[name] { return known }
        let answer = try self.source.route(name)
        self.note(name, answer)
        return answer
    }

    /// Asks the source what has changed, and reads the known names among that again.
    private func verify() throws {
        guard case .polled(let source) = self.source else { return }
        let state = self.state.value
        // The time is taken first, so that changes during the read are found by the next poll.
        let now = NIODeadline.now()
        let changes = try source.changes(since: state.version)
        switch changes.names {
        case .listed(let names): for name in names { try self.read(name) }
        case .any: for name in state.known.keys { try self.read(name) }
        }
        state.version = changes.version
        self.freshness.verified(at: now)
    }

    private func read(_ name: String) throws {
        guard self.state.value.known[name] != nil else { return }
        self.note(name, try self.source.route(name))
    }

    /// Reads the changed names of a source that pushes. A name that cannot be read counts as unknown: the next request for it asks again, and reports the
    /// error.
    private func readAgain(_ names: [String]) {
        for name in names {
            do { try self.read(name) } catch { self.note(name, .none) }
        }
    }

    private func note(_ name: String, _ answer: Value) {
        let state = self.state.value
        let kept = answer.isKept ? answer : nil
        guard kept != state.known[name] else { return }
        state.known[name] = kept
        for listener in state.listeners { listener(name, answer) }
    }

    private func schedulePoll() {
        guard case .polled = self.source else { return }
        let state = self.state.value
        let isHolding = self.heldCount.load(ordering: .relaxed) > 0
        guard !state.isPolling, isHolding || state.busyUntil > .now() else { return }
        state.isPolling = true
        self.loop.scheduleTask(in: isHolding ? DirectoryPolling.whileHolding : DirectoryPolling.whileBusy) {
            self.state.value.isPolling = false
            // If the source cannot answer, the routes stay as they are, so that known endpoints are still used. They are not fresh, so the next request asks
            // again, and its failure is logged there.
            try? self.verify()
            self.schedulePoll()
        }
    }
}

private enum DirectoryPolling {
    static let whileHolding: TimeAmount = .milliseconds(2)
    static let whileBusy: TimeAmount = .milliseconds(20)
    /// How long polling continues after a loop had to ask.
    static let busyTime: TimeAmount = .seconds(1)
}

/// Whether the routes that event loops remember may be used without asking. Checked for every request, on every loop.
package final class RouteFreshness: Sendable {
    /// How long ago a source may have been polled for its routes to be used without another poll.
    static let limit: TimeAmount = .milliseconds(50)

    /// When the last successful poll began, in nanoseconds of uptime; the largest time for a source that pushes.
    private let verifiedAt: Atomic<UInt64>

    init(isPushed: Bool) {
        self.verifiedAt = Atomic(isPushed ? UInt64(Int64.max) : 0)
    }

    func verified(at now: NIODeadline) {
        self.verifiedAt.store(now.uptimeNanoseconds, ordering: .relaxed)
    }

    package func isFresh(at now: NIODeadline) -> Bool {
        let verified = self.verifiedAt.load(ordering: .relaxed)
        return now.uptimeNanoseconds < verified &+ UInt64(Self.limit.nanoseconds)
    }
}
