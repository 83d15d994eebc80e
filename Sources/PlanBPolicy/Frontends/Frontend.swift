import NIOCore

/// A frontend as it was read from Redis. Used on one event loop only.
final class Frontend {
    /// The host under which dead marks, messages and logs refer to the frontend (`HOST`).
    let host: String
    let backends: [Backend]
    /// The numbers of backends that are marked dead.
    let dead: Set<Int>
    let turn: RoundRobinCounter
    let readAt: NIODeadline

    init(host: String, backends: [Backend], dead: Set<Int>, turn: RoundRobinCounter, readAt: NIODeadline) {
        self.host = host
        self.backends = backends
        self.dead = dead
        self.turn = turn
        self.readAt = readAt
    }
}

/// One entry of a frontend's list.
struct Backend: Hashable {
    /// The entry as it is stored in Redis.
    let entry: [UInt8]
    /// Nil for an entry that contains no valid address.
    let address: BackendAddress?

    init(_ entry: [UInt8]) {
        self.entry = entry
        self.address = BackendAddress(entry)
    }

    var isEmpty: Bool { self.entry.isEmpty }

    /// The entry for heads and logs, with invisible characters escaped.
    var text: String { LogText.escaped(self.entry) }
}
