import DroneProxyPolicy
import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneProtocol
import ProxyCore
import Synchronization

/// Routes of a test, in memory.
final class FakeRoutes: PolledRouteSource {
    struct Unreadable: Error {}

    private struct State {
        var version: Int64 = 0
        var routes: [String: RouteAnswer] = [:]
        var isUnreadable = false
    }

    private let state = Mutex(State())
    private let gate = NSCondition()
    nonisolated(unsafe) private var isBlocked = false  // protected by `gate`
    private let (readNames, readContinuation) = AsyncStream<String>.makeStream()

    func changes(since version: Int64?) throws -> RouteChanges {
        try self.state.withLock { state in
            if state.isUnreadable { throw Unreadable() }
            return RouteChanges(version: state.version, names: state.version == version ? .listed([]) : .any)
        }
    }

    /// Whoever asks for a route from now on waits, as for a file that is locked.
    func block(_ isBlocked: Bool) {
        self.gate.withLock { self.isBlocked = isBlocked }
        self.gate.broadcast()
    }

    func route(_ name: String) throws -> RouteAnswer {
        self.gate.withLock { while self.isBlocked { self.gate.wait() } }
        return try self.state.withLock { state in
            if state.isUnreadable { throw Unreadable() }
            self.readContinuation.yield(name)
            return state.routes[name] ?? .none
        }
    }

    func set(_ name: String, _ answer: RouteAnswer) {
        self.state.withLock { state in
            state.routes[name] = answer
            state.version += 1
        }
    }

    /// A change that the version does not tell about.
    func setSilently(_ name: String, _ answer: RouteAnswer) {
        self.state.withLock { $0.routes[name] = answer }
    }

    func makeUnreadable(_ isUnreadable: Bool) {
        self.state.withLock { $0.isUnreadable = isUnreadable }
    }

    /// Waits until the proxy has asked for a route that no earlier call of this has seen.
    func untilRead() async {
        var names = self.readNames.makeAsyncIterator()
        _ = await names.next()
    }
}
