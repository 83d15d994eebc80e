/// Where in its stream an ordered consumer begins.
package enum OrderedConsumerStart: Sendable, Hashable {
    /// With the oldest message in the stream.
    case first
    /// With messages published from now on.
    case new
    /// With the message with this sequence, or the next one that exists.
    case sequence(UInt64)
}

/// How soon an ordered consumer notices that something is wrong.
package struct OrderedConsumerTiming: Sendable, Hashable {
    /// How often the server sends a heartbeat while there are no messages; at least 100 ms.
    package var heartbeat: Duration
    /// If nothing has come for so long, the consumer counts as lost.
    package var silenceLimit: Duration
    /// The server deletes the consumer of a process that is gone after this time.
    package var inactiveThreshold: Duration

    /// One small message every 2 s; a lost consumer is replaced after 5 s, a forgotten one is gone after 30 s.
    package init(
        heartbeat: Duration = .seconds(2), silenceLimit: Duration = .seconds(5),
        inactiveThreshold: Duration = .seconds(30)
    ) {
        self.heartbeat = heartbeat
        self.silenceLimit = silenceLimit
        self.inactiveThreshold = inactiveThreshold
    }
}
