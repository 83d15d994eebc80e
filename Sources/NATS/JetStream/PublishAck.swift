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
