import FoundationEssentials

/// The stream has stored the message.
package struct PublishAck: Sendable, Hashable, Decodable {
    package var stream: String
    package var sequence: UInt64
    /// Whether the message was in the stream already, by its `Nats-Msg-Id`.
    package var isDuplicate: Bool

    private enum Key: String, CodingKey { case stream, seq, duplicate }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.stream = try container.decode(String.self, forKey: .stream)
        self.sequence = try container.decode(UInt64.self, forKey: .seq)
        self.isDuplicate = try container.decodeIfPresent(Bool.self, forKey: .duplicate) ?? false
    }

    private init(stream: String, sequence: UInt64) {
        self.stream = stream
        self.sequence = sequence
        self.isDuplicate = false
    }

    /// Reads the form in which nats-server writes nearly every acknowledgement, `{"stream":"<name>", "seq":<number>}`, without a JSON decoder, which takes
    /// longer than everything else about a message that is stored.
    /// - Returns: nil for all other forms, among them refusals and those with a domain; they may be right too.
    init?(plain payload: [UInt8]) {
        guard payload.starts(with: Self.plainStart), payload.last == UInt8(ascii: "}") else { return nil }
        let rest = payload[Self.plainStart.count...]
        // A name that needs escapes in JSON is left to the decoder.
        guard let nameEnd = rest.firstIndex(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else { return nil }
        let name = rest[..<nameEnd]
        var tail = rest[nameEnd...].dropLast()
        guard let middle = Self.plainMiddles.first(where: { tail.starts(with: $0) }) else { return nil }
        tail = tail.dropFirst(middle.count)
        var sequence: UInt64 = 0
        guard (1...19).contains(tail.count) else { return nil }
        for byte in tail {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            sequence = sequence * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        self.init(stream: String(decoding: name, as: UTF8.self), sequence: sequence)
    }

    private static let plainStart = Array(#"{"stream":""#.utf8)
    private static let plainMiddles = [Array(#"", "seq":"#.utf8), Array(#"","seq":"#.utf8)]

    /// Longer than any acknowledgement, in bytes: a stream's name has at most 255 bytes, and a refusal is one sentence.
    private static let longestBytes = 2048
    private static let streamKey = Array(#""stream":"#.utf8)
    private static let sequenceKey = Array(#""seq":"#.utf8)

    /// Whether this is the answer of a stream to a publisher, either that it has stored the message or that it refuses it. No answer of plane itself has
    /// these two keys.
    static func isAcknowledgement(_ payload: [UInt8]) -> Bool {
        guard payload.first == UInt8(ascii: "{"), payload.count <= Self.longestBytes,
            payload.firstRange(of: Self.streamKey) != nil, payload.firstRange(of: Self.sequenceKey) != nil
        else { return false }
        // JSON of another shape was written by something else.
        return (try? JSONDecoder().decode(PublishAck.self, from: Data(payload))) != nil
    }
}
