/// The texts of a cluster's latest DNS challenges, oldest first.
///
/// If a value comes again, because several schedulers or retries write it, it is not listed twice but becomes the newest.
struct AcmeValues: Sendable {
    /// How many values are kept: enough for two orders at once, each with several values.
    static let limit = 10

    private(set) var values: [String] = []
    /// Stream sequence of the latest message with a challenge; 0 if there was none.
    private(set) var lastSequence: UInt64 = 0

    /// - Parameter earlier: the values before it that the writer knew, oldest first. Only the last `limit` are read.
    mutating func append(_ value: String, after earlier: [String], sequence: UInt64) {
        for value in earlier.suffix(Self.limit - 1) { self.append(value) }
        self.append(value)
        self.lastSequence = sequence
    }

    private mutating func append(_ value: String) {
        self.values.removeAll { $0 == value }
        if self.values.count == Self.limit { self.values.removeFirst() }
        self.values.append(value)
    }
}
