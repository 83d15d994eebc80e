/// The stream has stored the message.
package struct PublishAck: Sendable, Hashable, Decodable {
    package var stream: String
    package var sequence: UInt64
    /// The message was there already, by its `Nats-Msg-Id`.
    package var isDuplicate: Bool

    private enum Key: String, CodingKey { case stream, seq, duplicate }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.stream = try container.decode(String.self, forKey: .stream)
        self.sequence = try container.decode(UInt64.self, forKey: .seq)
        self.isDuplicate = try container.decodeIfPresent(Bool.self, forKey: .duplicate) ?? false
    }
}
