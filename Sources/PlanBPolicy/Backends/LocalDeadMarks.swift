import NIOCore
import Synchronization

/// Backends that this process has found dead. Redis tells it to everybody, but not at once, not to what was read before, and not while it cannot
/// be written: what all event loops know by themselves is that the next request is not to go there either.
///
/// By entry, not by number: a list may be edited while a mark lives.
final class LocalDeadMarks: Sendable {
    private struct Mark {
        let markedAt: NIODeadline
        /// Its place in the list, which is what Redis is told. An entry may stand in a list twice.
        let number: Int
        /// When Redis had it; from then on Redis says how long it lasts.
        var writtenAt: NIODeadline?
    }

    private struct Key: Hashable {
        let host: String
        let entry: [UInt8]
    }

    /// By which a replica may be behind its master.
    private static let replicationLag: TimeAmount = .milliseconds(200)
    /// Requests that fail together are told to Redis once.
    private static let repetition: TimeAmount = .seconds(1)
    private static let limit = 100_000

    private let life: TimeAmount
    private let marks = Mutex<[Key: Mark]>([:])
    /// Asked for every request; there are mostly none.
    private let count = Atomic<Int>(0)

    init(life: TimeAmount) {
        self.life = life
    }

    /// - Returns: Whether Redis is to be told.
    func add(_ entry: [UInt8], number: Int, of host: String, at now: NIODeadline) -> Bool {
        self.marks.withLock { marks in
            let key = Key(host: host, entry: entry)
            if let mark = marks[key], mark.number == number, now - mark.markedAt < Self.repetition { return false }
            if marks.count >= Self.limit { marks = marks.filter { now - $0.value.markedAt < self.life } }
            if marks.count < Self.limit { marks[key] = Mark(markedAt: now, number: number) }
            self.count.store(marks.count, ordering: .relaxed)
            return true
        }
    }

    func written(_ entry: [UInt8], of host: String, at now: NIODeadline) {
        self.marks.withLock { $0[Key(host: host, entry: entry)]?.writtenAt = now }
    }

    /// - Parameter readAt: When Redis was asked for its own marks.
    func contains(_ entry: [UInt8], of host: String, readAt: NIODeadline, at now: NIODeadline) -> Bool {
        guard self.count.load(ordering: .relaxed) > 0 else { return false }
        return self.marks.withLock { marks in
            guard let mark = marks[Key(host: host, entry: entry)], now - mark.markedAt < self.life else { return false }
            guard let writtenAt = mark.writtenAt else { return true }
            return readAt < writtenAt + Self.replicationLag
        }
    }

    func sweep(at now: NIODeadline) {
        guard self.count.load(ordering: .relaxed) > 0 else { return }
        self.marks.withLock { marks in
            marks = marks.filter { now - $0.value.markedAt < self.life }
            self.count.store(marks.count, ordering: .relaxed)
        }
    }

    /// How many there are of each host.
    var hosts: [String: Int] { self.marks.withLock { $0.keys.reduce(into: [:]) { $0[$1.host, default: 0] += 1 } } }
}
