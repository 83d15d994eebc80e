import UTCTime

/// What a consumer writes into the reply subject of a message:
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, or with a domain and an
/// account hash before the stream (and possibly a random token at the end) from server 2.9's newer form.
struct DeliveryMetadata: Equatable {
    var consumer: String
    var streamSequence: UInt64
    var consumerSequence: UInt64
    var published: UTCInstant
    var pending: UInt64
}

extension DeliveryMetadata {
    /// Called for every message of a stream, so bytes are read in place: splitting a `String` looks for the borders of characters, and took a quarter of the
    /// processor time of a scheduler's start.
    init?(reply: String) {
        var tokens = TokenReader(reply.utf8)
        guard tokens.skip("$JS"), tokens.skip("ACK") else { return nil }
        switch tokens.remaining {
        case 7: break
        // A domain and the hash of an account come first, and a random token may come last.
        case 9...: guard tokens.next() != nil, tokens.next() != nil else { return nil }
        default: return nil
        }
        guard tokens.next() != nil, let consumer = tokens.next(), tokens.next() != nil, let streamSequence = tokens.number(),
            let consumerSequence = tokens.number(), let time = tokens.number(), let pending = tokens.number()
        else { return nil }
        self.consumer = String(consumer)
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.published = UTCInstant(nanosecondsSince1970: Int64(clamping: time))
        self.pending = pending
    }
}

/// The tokens of a subject, from left to right.
private struct TokenReader {
    private static let dot = UInt8(ascii: ".")
    /// Nil after the last token.
    private var rest: Substring.UTF8View?

    init(_ subject: String.UTF8View) {
        self.rest = subject[...]
    }

    var remaining: Int {
        guard let rest else { return 0 }
        return rest.reduce(1) { $1 == Self.dot ? $0 + 1 : $0 }
    }

    mutating func next() -> Substring? {
        guard let rest else { return nil }
        guard let dot = rest.firstIndex(of: Self.dot) else {
            self.rest = nil
            return Substring(rest)
        }
        self.rest = rest[rest.index(after: dot)...]
        return Substring(rest[..<dot])
    }

    /// Skips the next token; false if it is another one.
    mutating func skip(_ token: StaticString) -> Bool {
        guard let next = self.next() else { return false }
        return token.withUTF8Buffer { next.utf8.elementsEqual($0) }
    }

    /// The next token as a decimal number.
    mutating func number() -> UInt64? {
        self.next().flatMap { UInt64($0) }
    }
}
