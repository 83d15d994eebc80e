import DequeModule
import NIOCore

/// Connections of HTTP/2 that had no stream when they were noted, or larger windows than in the beginning, in that order. Those that still have none a while
/// later give memory back, and those to which nothing is uploaded give back the size of their windows.
///
/// A connection is noted once, however often it is used meanwhile, so a busy one costs nothing.
struct RestingConnections {
    private var waiting = Deque<(connection: HTTP2Connection, since: NIODeadline)>()

    /// Memory that is given back has to be taken anew, in two page faults: about a microsecond for each.
    static let delay: TimeAmount = .seconds(2)

    var count: Int { self.waiting.count }

    mutating func note(_ connection: HTTP2Connection, at now: NIODeadline) {
        self.waiting.append((connection, now))
    }

    /// The next one that was noted long enough ago; nil if there is none.
    mutating func take(at now: NIODeadline) -> HTTP2Connection? {
        guard let first = self.waiting.first, first.since + Self.delay <= now else { return nil }
        defer { if self.waiting.count == 1 { self.waiting = Deque() } else { self.waiting.removeFirst() } }
        return first.connection
    }
}
