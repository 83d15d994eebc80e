/// Character classes of RFC 9110 §5.6.2 and RFC 9112, as tests on single bytes.
extension UInt8 {
    @inlinable package static var lineFeed: UInt8 { 0x0A }
    @inlinable package static var carriageReturn: UInt8 { 0x0D }
    @inlinable package static var space: UInt8 { 0x20 }
    @inlinable package static var tab: UInt8 { 0x09 }
    @inlinable package static var colon: UInt8 { 0x3A }
    @inlinable package static var slash: UInt8 { 0x2F }
    @inlinable package static var questionMark: UInt8 { 0x3F }

    /// Bit n is set when byte n may be part of a token: ALPHA, DIGIT and "!#$%&'*+-.^_`|~". One word for bytes below 64, one for those from 64 to 127.
    private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    /// tchar of RFC 9110 §5.6.2.
    @inline(__always)
    var isTokenCharacter: Bool {
        let bit = UInt64(1) &<< UInt64(self & 63)
        return self < 64 ? Self.tokenLow & bit != 0 : self < 128 && Self.tokenHigh & bit != 0
    }

    /// Anything a field value may hold: visible ASCII, space, tab and the obsolete high bytes.
    @inlinable @inline(__always)
    package var isFieldValueCharacter: Bool {
        self >= 0x20 ? self != 0x7F : self == .tab
    }

    /// Visible ASCII without "#": a fragment is never sent in a request, and servers read one differently.
    @inlinable @inline(__always)
    package var isTargetCharacter: Bool {
        self > 0x20 && self < 0x7F && self != 0x23
    }

    @inlinable @inline(__always)
    package var isDigit: Bool { self &- 0x30 < 10 }

    @inlinable @inline(__always)
    package var isBlank: Bool { self == .space || self == .tab }

    /// ASCII letters in lower case, everything else as it is.
    @inlinable @inline(__always)
    package var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// 0–15, or nil when this is no hexadecimal digit.
    @inlinable @inline(__always)
    package var hexValue: UInt8? {
        if self.isDigit { return self &- 0x30 }
        let letter = self | 0x20
        return letter &- 0x61 < 6 ? letter &- 0x61 &+ 10 : nil
    }
}

extension Span<UInt8> {
    /// Whether these bytes are equal to `text`, which is given in lower case, ignoring the case of ASCII letters.
    @inlinable @inline(__always)
    package func equals(_ range: Range<Int>, lowercase text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let expected = text.utf8Start
        for offset in 0..<range.count where self[range.lowerBound &+ offset].lowercased != expected[offset] {
            return false
        }
        return true
    }

    /// Whether two ranges are equal, ignoring the case of ASCII letters.
    package func equalsIgnoringCase(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count {
            let (one, other) = (self[left.lowerBound + offset], self[right.lowerBound + offset])
            guard one.lowercased == other.lowercased else { return false }
        }
        return true
    }

    /// `range` without blanks (OWS of RFC 9110 §5.6.3) at either end.
    @inlinable @inline(__always)
    package func trimmingBlanks(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start].isBlank { start &+= 1 }
        while end > start, self[end &- 1].isBlank { end &-= 1 }
        return start..<end
    }

    /// Where `byte` is first found in `range`.
    @inlinable @inline(__always)
    package func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        for index in range where self[index] == byte { return index }
        return nil
    }

    /// The bytes as text.
    package func text(_ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { buffer in
            for offset in 0..<range.count { buffer[offset] = self[range.lowerBound + offset] }
            return range.count
        }
    }

    /// Calls `body` with every non-empty element of a comma-separated list (RFC 9110 §5.6.1), blanks trimmed.
    package func forEachListElement<Failure>(
        in range: Range<Int>, _ body: (Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = self.firstIndex(of: 0x2C, in: start..<range.upperBound) ?? range.upperBound
            let element = self.trimmingBlanks(start..<end)
            if !element.isEmpty { try body(element) }
            start = end + 1
        }
    }
}
