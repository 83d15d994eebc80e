import NIOCore
import RedisClient

/// A frontend as it was read from Redis. Used on one event loop only.
final class Frontend {
    /// Without being told of changes, a frontend is believed for this long. With it, Redis must have been heard within this time.
    static let freshness: TimeAmount = .seconds(2)
    /// The longest that a frontend is believed because Redis has told of no change. A list that expires is deleted, and told of, some time later.
    private static let toldFreshness: TimeAmount = .seconds(60)
    /// The same for one with backends whose names have to be resolved from time to time, which is done when a frontend is read.
    private static let namedToldFreshness: TimeAmount = .seconds(5)

    /// The host under which dead marks, messages and logs refer to the frontend (`HOST`).
    let host: String
    /// What Redis is asked to read the frontend again.
    let question: FrontendQuestion
    let backends: [Backend]
    /// The numbers of backends that were marked dead when the frontend was read.
    let dead: Set<Int>
    let turn: RoundRobinCounter
    /// The backends whose names have to be resolved. Those that are marked dead need no address.
    private let named: [BackendAddress]
    private(set) var reading: FrontendReading
    private let longestFreshness: TimeAmount
    /// The count of changes at which this had not changed. Most requests need no more.
    private var unchangedAt: Int?

    init(
        host: String, question: FrontendQuestion, backends: [Backend], dead: Set<Int>, turn: RoundRobinCounter, reading: FrontendReading
    ) {
        self.host = host
        self.question = question
        self.backends = backends
        self.dead = dead
        self.turn = turn
        self.reading = reading
        self.named = backends.enumerated().compactMap { dead.contains($0.offset) ? nil : $0.element.address }.filter(\.isName)
        self.longestFreshness = self.named.isEmpty ? Self.toldFreshness : Self.namedToldFreshness
    }

    /// The marks that are still in force. Where Redis cannot be asked, marks end as they would there: no mark outlives the time for which it was made.
    /// A frontend that is used without being asked for counts whole.
    /// - Parameter markLife: how long a mark lasts.
    func dead(at now: NIODeadline, markLife: TimeAmount) -> Set<Int> {
        self.dead.isEmpty || now - self.readAt < max(markLife, Self.freshness) ? self.dead : []
    }

    /// The backends whose names have to be resolved before a request can be sent to any backend that may get it.
    func named(at now: NIODeadline, markLife: TimeAmount) -> [BackendAddress] {
        self.dead.count == self.dead(at: now, markLife: markLife).count ? self.named : self.backends.compactMap(\.address).filter(\.isName)
    }

    /// When the frontend was last read, with what is still its content.
    var readAt: NIODeadline { self.reading.beganAt }

    /// Whether the frontend may be used without being read again.
    ///
    /// PlanB believes a frontend for two seconds. Here Redis tells of changes where it can, and then the frontend is believed for as long as Redis was heard
    /// less than two seconds ago: that is never later than PlanB, and mostly at once. Marks expire with nobody being told in time, so a frontend with
    /// marks is read again after two seconds in any case.
    /// - Parameter changeCount: grows whenever any name has changed.
    func isFresh(at now: NIODeadline, changeCount: Int) -> Bool {
        if self.unchangedAt != changeCount {
            if self.reading.hasChanged { return false }
            self.unchangedAt = changeCount
        }
        // Asked each time, so that Redis is heard of before it matters.
        let isTold = self.reading.tracking?.isCurrent(within: Self.freshness, at: now) ?? false
        let age = now - self.reading.beganAt
        return age < Self.freshness || (isTold && self.dead.isEmpty && age < self.longestFreshness)
    }

    /// Called when reading it again has shown the same content.
    func renew(_ reading: FrontendReading) {
        self.reading = reading
        self.unchangedAt = nil
    }

    func hasContent(host: String, entries: [[UInt8]], dead: Set<Int>) -> Bool {
        self.host == host && self.hasEntries(entries) && self.dead == dead
    }

    func hasEntries(_ entries: [[UInt8]]) -> Bool {
        self.backends.count == entries.count && zip(self.backends, entries).allSatisfy { $0.entry == $1 }
    }
}

/// One reading of a frontend: when it was, and who says whether its content has changed since.
struct FrontendReading {
    let beganAt: NIODeadline
    /// Nil if Redis does not tell of changes.
    var tracking: RedisTracking?
    /// The names whose keys were read; empty if Redis does not tell of changes.
    var names: [TrackedName] = []

    var hasChanged: Bool { self.names.contains { $0.hasChanged } }
}

/// A name or pattern whose keys (its list and its set of marks) were read on a connection on which Redis tells of changes.
final class TrackedName {
    private(set) var hasChanged = false

    func change() { self.hasChanged = true }
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
