/// Whether a backend is frozen while it has no traffic.
package enum BackendFreezing: Hashable, Sendable {
    case never
    case awake
    /// New requests wait until it goes on. Open WebSockets stay open, and the proxy answers their pings.
    case frozen
}

/// Counts what is open towards one backend on one event loop: requests, streaming responses, upgraded connections.
///
/// No lock and no atomic: only its event loop touches it.
package final class ActivityCounter {
    package let name: String
    /// Exchanges and tunnels open now.
    fileprivate var open = 0
    /// How many of `open` are tunnels.
    fileprivate var tunnels = 0
    /// How many of `tunnels` tell keep-alives from traffic.
    fileprivate var watchedTunnels = 0
    /// Whether there was traffic since the last ``ActivityList/take()``.
    fileprivate var hadTraffic = false
    /// Whether the last ``ActivityList/take()`` found only quiet tunnels, and there was no traffic since.
    fileprivate var isQuiet = false
    /// Whether the last ``ActivityList/apply(_:)`` found the backend frozen. `hold` may say so before, when a route was read.
    fileprivate var wasToldFrozen = false
    /// Whether the ``ActivityList`` of the event loop contains this counter.
    fileprivate var isListed = false

    /// Set by the policy for new requests, and by the ``ActivityFlusher`` once a second while something is open.
    package var hold = BackendFreezing.never

    package init(name: String) {
        self.name = name
    }

    /// Called with 1 when an exchange has become a tunnel, and with -1 when that tunnel ends.
    ///
    /// - Parameter isWatched: whether the tunnel reports its traffic by ``ActivityList/noteTraffic(_:)``. Any other counts as busy all the time.
    func changeTunnels(by change: Int, isWatched: Bool) {
        self.tunnels += change
        if isWatched { self.watchedTunnels += change }
    }
}

/// The counters of one event loop whose backends have something open, or had traffic since the last ``take()``.
struct ActivityList {
    private var counters: [ActivityCounter] = []

    /// - Returns: what ``noteTraffic(_:)`` does.
    mutating func begin(_ counter: ActivityCounter) -> Bool {
        counter.open += 1
        let isWanted = self.noteTraffic(counter)
        if counter.isListed { return isWanted }
        counter.isListed = true
        self.counters.append(counter)
        return isWanted
    }

    mutating func end(_ counter: ActivityCounter) {
        counter.open -= 1
        counter.hadTraffic = true
    }

    /// There is traffic other than the pings and pongs of a WebSocket.
    ///
    /// - Returns: whether the backend may be frozen, and is to be told at once that it is wanted.
    func noteTraffic(_ counter: ActivityCounter) -> Bool {
        counter.hadTraffic = true
        guard counter.hold != .never, counter.isQuiet || !counter.isListed else { return false }
        counter.isQuiet = false
        return true
    }

    /// Applies what is known of all backends that may be frozen.
    ///
    /// - Returns: whether one of them is frozen that was not.
    func apply(_ holds: [String: BackendFreezing]) -> Bool {
        var isNewlyFrozen = false
        for counter in self.counters {
            let hold = holds[counter.name] ?? .never
            if hold == .frozen, !counter.wasToldFrozen { isNewlyFrozen = true }
            counter.wasToldFrozen = hold == .frozen
            counter.hold = hold
        }
        return isNewlyFrozen
    }

    /// The activity of all listed backends. A backend that has nothing open is reported once more and then leaves the list.
    mutating func take() -> [BackendActivity] {
        let taken = self.counters.map { counter in
            counter.isQuiet = !counter.hadTraffic && counter.open > 0 && counter.open == counter.watchedTunnels
            counter.hadTraffic = false
            return BackendActivity(
                name: counter.name, openRequests: counter.open - counter.tunnels, openTunnels: counter.tunnels, isQuiet: counter.isQuiet)
        }
        self.counters.removeAll { counter in
            guard counter.open == 0 else { return false }
            counter.isListed = false
            return true
        }
        return taken
    }
}
