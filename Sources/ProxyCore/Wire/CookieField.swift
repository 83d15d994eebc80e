/// Finds one cookie among those of a `Cookie` field (RFC 6265 §4.2.1: pairs separated by semicolons).
package enum CookieField {
    /// Calls `body` with every pair, blanks trimmed, and the position of its value if it is the cookie called `name`.
    @inline(__always)
    package static func forEachPair(
        _ bytes: Span<UInt8>, in field: Range<Int>, named name: StaticString, _ body: (_ pair: Range<Int>, _ value: Range<Int>?) -> Void
    ) {
        var start = field.lowerBound
        while start < field.upperBound {
            let end = bytes.firstIndex(of: UInt8(ascii: ";"), in: start..<field.upperBound) ?? field.upperBound
            let pair = bytes.trimmingBlanks(start..<end)
            start = end + 1
            if pair.isEmpty { continue }
            body(pair, Self.value(bytes, pair, of: name))
        }
    }

    /// Whether the field holds the cookie.
    static func contains(_ name: StaticString, _ bytes: Span<UInt8>, in field: Range<Int>) -> Bool {
        var found = false
        Self.forEachPair(bytes, in: field, named: name) { _, value in
            if value != nil { found = true }
        }
        return found
    }

    private static func value(_ bytes: Span<UInt8>, _ pair: Range<Int>, of name: StaticString) -> Range<Int>? {
        let nameEnd = pair.lowerBound + name.utf8CodeUnitCount
        guard nameEnd < pair.upperBound, bytes[nameEnd] == UInt8(ascii: "="),
            bytes.equals(pair.lowerBound..<nameEnd, uppercase: name)
        else { return nil }
        return (nameEnd + 1)..<pair.upperBound
    }
}
