extension JSONNode {
    package func string() throws(MessageError) -> String {
        let token = self.token
        let bytes = self.document.bytes[Int(token.start)..<Int(token.end)]
        switch token.kind {
        case .string: return String(decoding: bytes, as: UTF8.self)  // found to be UTF-8 by the scanner
        case .escapedString: return self.unescaped()
        case .object, .array, .number, .yes, .no, .null: throw self.mismatch("a string")
        }
    }

    package func bool() throws(MessageError) -> Bool {
        switch self.token.kind {
        case .yes: return true
        case .no: return false
        case .object, .array, .string, .escapedString, .number, .null: throw self.mismatch("a boolean")
        }
    }

    /// A whole number, written as in `3`. `3.0`, `3e0`, `"3"` and `-0` are refused.
    package func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(MessageError) -> Value {
        guard self.token.kind == .number else { throw self.mismatch("an integer") }
        let text = self.literal
        guard text.allSatisfy({ $0.isASCIIDigit || $0 == UInt8(ascii: "-") }), !text.elementsEqual("-0".utf8) else {
            throw MessageError(expected: "an integer", found: "a number with a fraction or an exponent")
        }
        guard let value = Value(String(decoding: text, as: UTF8.self)) else {
            throw MessageError(expected: "an integer from \(Value.min) to \(Value.max)", found: "one outside of that")
        }
        return value
    }

    /// A finite number; one that is too large for a double is refused.
    package func double() throws(MessageError) -> Double {
        guard self.token.kind == .number else { throw self.mismatch("a number") }
        guard let value = Double(String(decoding: self.literal, as: UTF8.self)), value.isFinite else {
            throw MessageError(expected: "a number", found: "one too large")
        }
        return value
    }

    /// The bytes of the value in the document.
    var literal: ArraySlice<UInt8> {
        self.document.bytes[Int(self.token.start)..<Int(self.token.end)]
    }

    private func unescaped() -> String {
        let end = Int(self.token.end)
        var position = Int(self.token.start)
        var text: [UInt8] = []
        text.reserveCapacity(end - position)
        while position < end {
            // The scanner has checked the same escapes before, so every backslash begins a valid one.
            if self.document.bytes[position] == UInt8(ascii: "\\"), let escape = JSONEscape(self.document.bytes, at: position) {
                text.append(contentsOf: UTF8.encode(escape.scalar) ?? UTF8.encodedReplacementCharacter)
                position = escape.end
            } else {
                text.append(self.document.bytes[position])
                position += 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
