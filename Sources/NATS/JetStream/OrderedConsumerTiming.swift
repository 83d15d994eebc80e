/// How soon an ordered consumer notices that something is wrong.
package struct OrderedConsumerTiming: Sendable, Hashable {
    /// A stream without news sends a sign of life this often; the server takes 100 ms and more.
    package var heartbeat: Duration
    /// Without any of them for so long, the consumer is taken for lost.
    package var silenceLimit: Duration
    /// The server deletes the consumer of a vanished process after this.
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
