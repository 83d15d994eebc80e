/// The texts of a cluster's latest DNS challenges, oldest first.
///
/// A value that comes again (each scheduler writes it, and retries do) takes no second place but counts as the newest.
struct AcmeValues: Sendable {
    /// What an authority's several validators may ask for at once, with room for a second order beside it.
    static let limit = 10

    private(set) var values: [String] = []

    mutating func append(_ value: String) {
        self.values.removeAll { $0 == value }
        if self.values.count == Self.limit { self.values.removeFirst() }
        self.values.append(value)
    }
}
