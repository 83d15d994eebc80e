import NIOCore

/// What a name means, as it was read from Redis. Belongs to one event loop.
final class Frontend {
    /// By which dead marks, messages and logs know it (`HOST`).
    let host: String
    let backends: [Backend]
    /// Numbers of backends that are out of service.
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
    /// As it is stored.
    let entry: [UInt8]
    /// Nil for an entry that names none.
    let address: BackendAddress?

    init(_ entry: [UInt8]) {
        self.entry = entry
        self.address = BackendAddress(entry)
    }

    var isEmpty: Bool { self.entry.isEmpty }

    /// For heads and logs, in which nothing but visible characters may stand.
    var text: String { LogText.escaped(self.entry) }
}
