/// Counts what is open towards one backend on one event loop: requests, streaming responses, upgraded connections.
///
/// No lock and no atomic: only its event loop touches it.
package final class ActivityCounter {
    package let name: String
    /// Exchanges and tunnels open now.
    fileprivate var open = 0
    /// How many of `open` are tunnels.
    fileprivate var tunnels = 0
    /// Whether the ``ActivityList`` of the event loop contains this counter.
    fileprivate var isListed = false

    package init(name: String) {
        self.name = name
    }

    /// Called with 1 when an exchange has become a tunnel, and with -1 when that tunnel ends.
    func changeTunnels(by change: Int) {
        self.tunnels += change
    }
}

/// The counters of one event loop whose backends have something open, or had traffic since the last ``take()``.
struct ActivityList {
    private var counters: [ActivityCounter] = []

    mutating func begin(_ counter: ActivityCounter) {
        counter.open += 1
        if counter.isListed { return }
        counter.isListed = true
        self.counters.append(counter)
    }

    mutating func end(_ counter: ActivityCounter) {
        counter.open -= 1
    }

    /// The activity of all listed backends. A backend that has nothing open is reported once more and then leaves the list.
    mutating func take() -> [BackendActivity] {
        let taken = self.counters.map {
            BackendActivity(name: $0.name, openRequests: $0.open - $0.tunnels, openTunnels: $0.tunnels)
        }
        self.counters.removeAll { counter in
            guard counter.open == 0 else { return false }
            counter.isListed = false
            return true
        }
        return taken
    }
}
