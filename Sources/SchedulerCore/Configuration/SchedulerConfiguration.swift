package import ConfigurationReading

/// Settings of the scheduler (table `scheduler`). An empty table, or none, means the defaults.
package struct SchedulerConfiguration: Hashable, Sendable {
    /// Copies of the streams that matter. Three survive the loss of one server, two do not.
    package var replicas = 3
    /// A drone not heard of for so long is written off with its backends; nil for never. Long enough for a reboot.
    package var lostAfter: Duration? = .seconds(300)
    /// Ended backends stay in the state of the fleet for so long: for late questions, and so that their ids are refused.
    package var endedRetention: Duration = .seconds(24 * 3600)
    /// Log lines and states of backends stay in their streams for so long; nil for ever.
    package var historyRetention: Duration? = .seconds(7 * 24 * 3600)
    /// Log lines of backends take at most so many bytes in their stream, and states a quarter of that; nil for no limit. What else the streams
    /// hold is much smaller, so that a disk of a few gigabytes suffices.
    package var historyMaxBytes: Int64? = 1 << 30
    /// Whether drones are also heard on the subjects of 0.3, which do not name them, so that each can speak for all.
    package var acceptsLegacyPeers = true
    /// Whether the notes of which visitors' tokens are in use have a stream of their own. Proxies of the tier that do not know it, or may not read it, would take
    /// tokens in use for ended.
    package var keepsTokenUsesApart = false

    package init() {}
}

extension SchedulerConfiguration: ConfigReadable {
    /// The smallest limit, in bytes: room for a few log lines of the greatest length.
    private static let smallestHistoryBytes = 1 << 20
    private static let longestSeconds: Int64 = 10 * 366 * 24 * 3600

    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read(
            "replicas", .integer(1...5), into: &self.replicas,
            "Copies of the streams in a NATS cluster. A stream with fewer gets more as soon as there are servers; it never gets fewer.")
        var lostAfter = self.lostAfter ?? .zero
        reader.read(
            "lost_after_secs", .seconds(0...Self.longestSeconds), into: &lostAfter,
            "Seconds of silence after which a drone and its backends are written off as Lost; 0 for never.")
        self.lostAfter = lostAfter == .zero ? nil : lostAfter
        if let limit = self.lostAfter, limit < .seconds(30) {
            reader.mistake("lost_after_secs", found: "\(limit.components.seconds)", expectation: "0, or at least the 30 after which a drone gets no backends")
        }
        reader.read(
            "ended_retention_secs", .seconds(60...Self.longestSeconds), into: &self.endedRetention,
            "Seconds for which ended backends stay in the state of the fleet.")
        var history = self.historyRetention ?? .zero
        reader.read(
            "history_retention_secs", .seconds(0...Self.longestSeconds), into: &history,
            "Seconds for which log lines and states of backends stay in their streams; 0 for ever.")
        self.historyRetention = history == .zero ? nil : history
        var bytes = Int(clamping: self.historyMaxBytes ?? 0)
        reader.read(
            "history_max_bytes", .integer(0...(1 << 50)), into: &bytes,
            "Bytes that log lines of backends take at most, and their states a quarter of it; less where the store is small, 0 for no limit.")
        if bytes != 0, bytes < Self.smallestHistoryBytes {
            reader.mistake("history_max_bytes", found: "\(bytes)", expectation: "0, or at least \(Self.smallestHistoryBytes)")
        }
        self.historyMaxBytes = bytes == 0 ? nil : Int64(bytes)
        reader.read(
            "token_uses_apart", .boolean, into: &self.keepsTokenUsesApart,
            "Keep the notes of which visitors' tokens are in use in a stream of their own, plane_token_uses, so that a stolen gateway-proxy cannot push tokens and "
                + "revocations out of theirs. On once all schedulers and gateway-proxies know it, and the latter may read it.")
        reader.read(
            "accepts_legacy_peers", .boolean, into: &self.acceptsLegacyPeers,
            "Also hear drones on the subjects of 0.3, which do not name them, so that each drone can speak for all. Off once all agents are newer.")
    }
}
