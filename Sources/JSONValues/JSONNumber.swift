/// A JSON number, stored as its digits so that none are lost.
package struct JSONNumber: Hashable, Sendable {
    /// Always valid JSON.
    package let literal: String

    package init(_ value: some BinaryInteger) {
        self.literal = String(value)
    }

    /// nil for infinity and NaN, which JSON cannot write.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        self.literal = value.description
    }

    /// - Parameter literal: a number as in JSON (RFC 8259 §6); the caller has checked it.
    package init(literal: String) {
        self.literal = literal
    }
}
