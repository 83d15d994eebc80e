/// Counts what is open towards one backend on one event loop: requests, streaming responses, upgraded connections.
///
/// No lock and no atomic: only its event loop touches it.
final class ActivityCounter {
    let name: String
    /// Exchanges open now.
    fileprivate(set) var open = 0
    /// Whether the list of the event loop holds it.
    fileprivate var isListed = false

    init(name: String) {
        self.name = name
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

    /// The names of all active backends; those with nothing open any more are not reported again.
    mutating func takeNames() -> [String] {
        let names = self.counters.map(\.name)
        self.counters.removeAll { counter in
            guard counter.open == 0 else { return false }
            counter.isListed = false
            return true
        }
        return names
    }
}
