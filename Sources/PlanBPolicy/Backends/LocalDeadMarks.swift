import NIOCore
import Synchronization

/// Backends that this process has found dead. Redis tells all processes, but with a delay, not for frontends that were read before, and not while it cannot
/// be written. With these marks all event loops of the process keep away from the backend at once.
///
/// Marks are kept by entry, not by number, because a list may be edited while a mark is in force.
final class LocalDeadMarks: Sendable {
    private struct Mark {
        let markedAt: NIODeadline
        /// The backend's number in the list, which Redis is told. An entry may be in a list twice.
        let number: Int
        /// When Redis stored the mark; from then on Redis decides how long it is in force.
        var writtenAt: NIODeadline?
    }

    private struct Key: Hashable {
        let host: String
        let entry: [UInt8]
    }

    /// How far a replica may be behind its master.
    private static let replicationLag: TimeAmount = .milliseconds(200)
    /// If several requests fail within this time, Redis is told once.
    private static let repetition: TimeAmount = .seconds(1)
    private static let limit = 100_000

    private let life: TimeAmount
    private let marks = Mutex<[Key: Mark]>([:])
    /// The number of marks, which is read for every request and mostly is 0.
    private let count = Atomic<Int>(0)

    /// Whether no backend is marked, as mostly.
    var isEmpty: Bool { self.count.load(ordering: .relaxed) == 0 }

    init(life: TimeAmount) {
        self.life = life
    }

    /// - Returns: Whether Redis has to be told.
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

    /// - Parameter readAt: when the marks in Redis were read.
    func contains(_ entry: [UInt8], of host: String, readAt: NIODeadline, at now: NIODeadline) -> Bool {
        if self.isEmpty { return false }
        return self.marks.withLock { marks in
            guard let mark = marks[Key(host: host, entry: entry)], now - mark.markedAt < self.life else { return false }
            guard let writtenAt = mark.writtenAt else { return true }
            return readAt < writtenAt + Self.replicationLag
        }
    }

    func sweep(at now: NIODeadline) {
        if self.isEmpty { return }
        self.marks.withLock { marks in
            marks = marks.filter { now - $0.value.markedAt < self.life }
            self.count.store(marks.count, ordering: .relaxed)
        }
    }

    /// The number of marks for each host.
    var hosts: [String: Int] { self.marks.withLock { $0.keys.reduce(into: [:]) { $0[$1.host, default: 0] += 1 } } }
}
