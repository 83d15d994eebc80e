import DequeModule
import NIOCore

/// Channels that have sent something, in the order in which they were noted. Those that have sent nothing since give the memory for output back.
///
/// A channel is noted once, however often it sends meanwhile, so a busy one costs nothing.
struct RestingChannels {
    private var waiting = Deque<(channel: StreamSocketChannel, flushes: UInt32, since: NIODeadline)>()

    /// Memory that is given back has to be taken anew, by a page fault: about a microsecond.
    static let delay: TimeAmount = .seconds(2)

    var count: Int { self.waiting.count }

    mutating func note(_ channel: StreamSocketChannel, flushes: UInt32, at now: NIODeadline) {
        self.waiting.append((channel, flushes, now))
    }

    /// The next one that was noted long enough ago, and how often it had flushed then; nil if there is none.
    mutating func take(at now: NIODeadline) -> (channel: StreamSocketChannel, flushes: UInt32)? {
        guard let first = self.waiting.first, first.since + Self.delay <= now else { return nil }
        if self.waiting.count == 1 { self.waiting = Deque() } else { self.waiting.removeFirst() }
        return (first.channel, first.flushes)
    }
}
