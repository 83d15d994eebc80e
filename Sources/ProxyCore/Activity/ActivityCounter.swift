/// Counts what is open towards one backend on one event loop: requests, streaming responses, upgraded connections.
///
/// No lock and no atomic: only its event loop touches it.
package final class ActivityCounter {
    package let name: String
    /// Exchanges and tunnels open now.
    fileprivate var open = 0
    /// Of these the tunnels.
    fileprivate var tunnels = 0
    /// Whether the list of the event loop holds it.
    fileprivate var isListed = false

    package init(name: String) {
        self.name = name
    }

    /// An exchange has become a tunnel, or such a tunnel is about to end.
    func changeTunnels(by change: Int) {
        self.tunnels += change
    }
}

/// The backends of one event loop that had traffic since the last look, or have some now.
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

    /// All active backends; those with nothing open any more are not told of again.
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
