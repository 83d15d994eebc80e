import UTCTime

/// Tells streams that have had one name apart, in the order in which they were there. The same for every reader, but for `copy`.
package struct StreamIdentity: Hashable, Comparable, Sendable {
    /// When it was made, in milliseconds since 1970 by the server's clock; 0 where the server did not say.
    package var created: UInt64
    /// How often this reader has found it to be an older copy of itself, which has lost its last messages.
    package var copy: UInt64

    package init(created: UInt64, copy: UInt64) {
        self.created = created
        self.copy = copy
    }

    /// - Parameter text: As the server writes it (RFC 3339).
    package init(createdAt text: String) {
        let milliseconds = UTCInstant(text).map { $0.seconds * 1000 + Int64($0.nanoseconds / 1_000_000) } ?? 0
        self.init(created: UInt64(max(0, milliseconds)), copy: 0)
    }

    package static func < (left: StreamIdentity, right: StreamIdentity) -> Bool {
        (left.created, left.copy) < (right.created, right.copy)
    }
}
