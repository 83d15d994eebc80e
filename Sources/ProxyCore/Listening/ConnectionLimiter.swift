import Synchronization

/// Counts the connections that clients have open, in total and per address, over all event loops. A stream of HTTP/2 counts as a connection, because it needs
/// a connection to a backend and as much memory.
final class ConnectionLimiter: Sendable {
    private struct State {
        var total = 0
        var perAddress: [AddressKey: Int] = [:]
        /// Called when there is room again.
        var waiting: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let state = Mutex(State())

    /// Limits for all clients together and for one address; 0 means no limit.
    init(limit: Int, limitPerAddress: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    /// Counts one more connection.
    func add() {
        self.state.withLock { $0.total += 1 }
    }

    /// Counts a connection for this address too, unless it has as many as it may have.
    func claim(_ owner: AddressKey) -> Bool {
        self.state.withLock { state in
            let count = state.perAddress[owner, default: 0]
            guard self.limitPerAddress == 0 || count < self.limitPerAddress else { return false }
            state.perAddress[owner] = count + 1
            return true
        }
    }

    /// Counts one more stream if neither limit is reached; ``remove(_:)`` takes that back.
    func admitStream(of owner: AddressKey?) -> Bool {
        self.state.withLock { state in
            guard !self.isFull(state) else { return false }
            if let owner {
                // The stream's connection is counted already, so the address is mostly there; it is looked up once.
                if let index = state.perAddress.index(forKey: owner) {
                    guard self.limitPerAddress == 0 || state.perAddress.values[index] < self.limitPerAddress else { return false }
                    state.perAddress.values[index] += 1
                } else {
                    state.perAddress[owner] = 1
                }
            }
            state.total += 1
            return true
        }
    }

    /// Takes back a ``claim(_:)``.
    func release(_ owner: AddressKey) {
        self.state.withLock { Self.subtract(owner, from: &$0) }
    }

    private static func subtract(_ owner: AddressKey, from state: inout State) {
        guard let index = state.perAddress.index(forKey: owner) else { return }
        if state.perAddress.values[index] > 1 { state.perAddress.values[index] -= 1 } else { state.perAddress.remove(at: index) }
    }

    func remove(_ owner: AddressKey?) {
        let waiting: [@Sendable () -> Void] = self.state.withLock { state in
            state.total -= 1
            if let owner { Self.subtract(owner, from: &state) }
            guard !self.isFull(state), !state.waiting.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for resume in waiting { resume() }
    }

    private func isFull(_ state: borrowing State) -> Bool { self.limit > 0 && state.total >= self.limit }

    var isFull: Bool { self.state.withLock { self.isFull($0) } }

    /// Connections open now.
    var total: Int { self.state.withLock { $0.total } }

    /// Whether there is room for another connection; if not, `resume` is called as soon as there is.
    func hasRoom(else resume: @escaping @Sendable () -> Void) -> Bool {
        self.state.withLock { state in
            if !self.isFull(state) { return true }
            state.waiting.append(resume)
            return false
        }
    }
}
