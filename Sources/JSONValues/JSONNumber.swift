/// A JSON number by its digits, so that none is lost on the way through us.
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

    /// - Parameter literal: A number as JSON writes it (RFC 8259 §6), which whoever calls this has checked.
    package init(literal: String) {
        self.literal = literal
    }
}
