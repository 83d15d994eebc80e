/// Our cookie among those of a `Cookie` field (RFC 6265 §4.2.1: pairs separated by semicolons).
enum CookieField {
    static let name: StaticString = "_plane_auth"

    /// Calls `body` with every pair, blanks trimmed, and the position of its value if it is our cookie.
    @inline(__always)
    static func forEachPair(
        _ bytes: Span<UInt8>, in field: Range<Int>, _ body: (_ pair: Range<Int>, _ ourValue: Range<Int>?) -> Void
    ) {
        var start = field.lowerBound
        while start < field.upperBound {
            let end = bytes.firstIndex(of: UInt8(ascii: ";"), in: start..<field.upperBound) ?? field.upperBound
            let pair = bytes.trimmingBlanks(start..<end)
            start = end + 1
            if pair.isEmpty { continue }
            body(pair, Self.ourValue(bytes, pair))
        }
    }

    /// Whether the field holds our cookie.
    static func containsOurs(_ bytes: Span<UInt8>, in field: Range<Int>) -> Bool {
        var found = false
        Self.forEachPair(bytes, in: field) { _, ourValue in
            if ourValue != nil { found = true }
        }
        return found
    }

    private static func ourValue(_ bytes: Span<UInt8>, _ pair: Range<Int>) -> Range<Int>? {
        let nameEnd = pair.lowerBound + Self.name.utf8CodeUnitCount
        guard nameEnd < pair.upperBound, bytes[nameEnd] == UInt8(ascii: "="),
            bytes.equals(pair.lowerBound..<nameEnd, uppercase: Self.name)
        else { return nil }
        return (nameEnd + 1)..<pair.upperBound
    }
}
