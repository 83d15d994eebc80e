/// What a consumer writes into the reply subject of a message:
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, or with a domain and an
/// account hash before the stream (and possibly a random token at the end) from server 2.9's newer form.
struct DeliveryMetadata: Equatable {
    var consumer: String
    var streamSequence: UInt64
    var consumerSequence: UInt64
    var published: StreamTime
    var pending: UInt64
}

extension DeliveryMetadata {
    init?(reply: String) {
        let tokens = reply.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 9 || tokens.count >= 11, tokens[0] == "$JS", tokens[1] == "ACK" else { return nil }
        let first = tokens.count == 9 ? 2 : 4  // The stream's name.
        guard let streamSequence = UInt64(tokens[first + 3]), let consumerSequence = UInt64(tokens[first + 4]),
            let time = UInt64(tokens[first + 5]), let pending = UInt64(tokens[first + 6])
        else { return nil }
        self.consumer = String(tokens[first + 1])
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.published = StreamTime(nanoseconds: time)
        self.pending = pending
    }
}
