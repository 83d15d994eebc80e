/// Reads one JSON document (RFC 8259) into a flat list of tokens, and refuses bytes that are not one JSON document.
///
/// It is strict where two readers could disagree: no byte-order mark, no trailing bytes, UTF-8 only, no lone surrogates, no leading
/// zeros. It never traps: depth and size are bounded, and every index is checked against the end of the input.
///
/// Tokens stand in document order. An object is followed by its members (key, value, key, value …), an array by its elements; `next`
/// of a container is the index of the first token after everything inside it, so that a reader can step over members it does not know:
///
///     {"a":[1,2],"b":3}   →   object(next 7) · key a · array(next 5) · 1 · 2 · key b · 3
struct JSONScanner {
    /// One value or key. It has 16 bytes, so a message of a few hundred bytes costs one small allocation.
    struct Token {
        enum Kind: UInt8 {
            case object, array, string, escapedString, number, yes, no, null
        }

        var kind: Kind
        /// Range of the value's bytes: inside of the quotes for strings, the literal for everything else.
        var start: UInt32
        var end: UInt32
        /// Index of the first token after this value.
        var next: UInt32
    }

    /// How deep values may be nested. Our deepest message has 6 levels; a log event may contain JSON of its own.
    static let maximumDepth = 128

    /// The largest document in bytes. A NATS server accepts 1 MiB by default, and warns its operator above 8; tokens may need eight times the size of the
    /// document.
    static let maximumBytes = 8 << 20

    private let bytes: [UInt8]
    private var position = 0
    private var tokens: [Token] = []
    private var isASCII = true

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.tokens.reserveCapacity(32)
    }

    static func tokens(of bytes: [UInt8]) throws(MessageError) -> [Token] {
        guard bytes.count <= self.maximumBytes else {
            throw MessageError(expected: "at most \(self.maximumBytes) bytes", found: "\(bytes.count)")
        }
        var scanner = JSONScanner(bytes)
        scanner.skipSpace()
        try scanner.scanValue(depth: 0)
        scanner.skipSpace()
        guard scanner.position == bytes.count else { throw scanner.unexpected("the end of the message") }
        // The whole document is checked once, and only if a string has more than ASCII: outside of strings other bytes have been refused before.
        guard scanner.isASCII || String(validating: bytes, as: UTF8.self) != nil else {
            throw MessageError(expected: "UTF-8 text", found: "bytes that are not UTF-8")
        }
        return scanner.tokens
    }

    // MARK: Values

    private mutating func scanValue(depth: Int) throws(MessageError) {
        guard depth < Self.maximumDepth else {
            throw MessageError(expected: "at most \(Self.maximumDepth) levels of nesting", found: "more")
        }
        switch self.current {
        case UInt8(ascii: "{"): try self.scanObject(depth: depth)
        case UInt8(ascii: "["): try self.scanArray(depth: depth)
        case UInt8(ascii: "\""): try self.scanString()
        case UInt8(ascii: "t"): try self.scanLiteral("true", .yes)
        case UInt8(ascii: "f"): try self.scanLiteral("false", .no)
        case UInt8(ascii: "n"): try self.scanLiteral("null", .null)
        case UInt8(ascii: "-"): try self.scanNumber()
        case .some(let byte) where byte.isASCIIDigit: try self.scanNumber()
        default: throw self.unexpected("a value")
        }
    }

    private mutating func scanObject(depth: Int) throws(MessageError) {
        let container = self.open(.object)
        guard !self.skip(UInt8(ascii: "}")) else { return self.close(container) }
        repeat {
            guard self.current == UInt8(ascii: "\"") else { throw self.unexpected("a key in double quotes") }
            try self.scanString()
            self.skipSpace()
            guard self.skip(UInt8(ascii: ":")) else { throw self.unexpected("':' after a key") }
            try self.scanValue(depth: depth + 1)
            self.skipSpace()
        } while self.skip(UInt8(ascii: ","))
        guard self.skip(UInt8(ascii: "}")) else { throw self.unexpected("',' or '}'") }
        self.close(container)
    }

    private mutating func scanArray(depth: Int) throws(MessageError) {
        let container = self.open(.array)
        guard !self.skip(UInt8(ascii: "]")) else { return self.close(container) }
        repeat {
            try self.scanValue(depth: depth + 1)
            self.skipSpace()
        } while self.skip(UInt8(ascii: ","))
        guard self.skip(UInt8(ascii: "]")) else { throw self.unexpected("',' or ']'") }
        self.close(container)
    }

    private mutating func scanString() throws(MessageError) {
        let start = self.position + 1
        var kind = Token.Kind.string
        self.position = start
        while let byte = self.current, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw self.unexpected("a control character to be written as \\u00XX") }
            if byte == UInt8(ascii: "\\") {
                kind = .escapedString
                guard let escape = JSONEscape(self.bytes, at: self.position) else { throw self.unexpected("a valid escape sequence") }
                self.position = escape.end
            } else {
                if byte >= 0x80 { self.isASCII = false }
                self.position += 1
            }
        }
        guard self.current != nil else { throw self.unexpected("a closing '\"'") }
        self.append(kind, start)
        self.position += 1
    }

    private mutating func scanNumber() throws(MessageError) {
        let start = self.position
        if self.current == UInt8(ascii: "-") { self.position += 1 }
        if self.current == UInt8(ascii: "0") {
            self.position += 1
        } else {
            try self.scanDigits()
        }
        if self.current == UInt8(ascii: ".") {
            self.position += 1
            try self.scanDigits()
        }
        if self.current == UInt8(ascii: "e") || self.current == UInt8(ascii: "E") {
            self.position += 1
            if self.current == UInt8(ascii: "+") || self.current == UInt8(ascii: "-") { self.position += 1 }
            try self.scanDigits()
        }
        self.append(.number, start)
    }

    private mutating func scanDigits() throws(MessageError) {
        let start = self.position
        while let byte = self.current, byte.isASCIIDigit { self.position += 1 }
        guard self.position > start else { throw self.unexpected("a digit") }
    }

    private mutating func scanLiteral(_ literal: StaticString, _ kind: Token.Kind) throws(MessageError) {
        let start = self.position
        let end = start + literal.utf8CodeUnitCount
        guard end <= self.bytes.count, self.bytes[start..<end].elementsEqual(literal.bytes) else { throw self.unexpected("a value") }
        self.position = end
        self.append(kind, start)
    }

    // MARK: Bytes and tokens

    private var current: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skipSpace() {
        while let byte = self.current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.position += 1 }
    }

    /// Skips `byte` and the white space behind it, if it is here.
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard self.current == byte else { return false }
        self.position += 1
        self.skipSpace()
        return true
    }

    private mutating func append(_ kind: Token.Kind, _ start: Int) {
        let next = UInt32(self.tokens.count + 1)
        self.tokens.append(Token(kind: kind, start: UInt32(start), end: UInt32(self.position), next: next))
    }

    private mutating func open(_ kind: Token.Kind) -> Int {
        self.append(kind, self.position)
        self.position += 1
        self.skipSpace()
        return self.tokens.count - 1
    }

    private mutating func close(_ container: Int) {
        self.tokens[container].end = UInt32(self.position)
        self.tokens[container].next = UInt32(self.tokens.count)
    }

    private func unexpected(_ expected: String) -> MessageError {
        let found = self.current.map { $0 > 0x20 && $0 < 0x7F ? "'\(Character(UnicodeScalar($0)))'" : "byte \($0)" } ?? "the end"
        return MessageError(expected: expected, found: "\(found) at byte \(self.position), so this is not JSON")
    }
}
