/// Queries about consumers that others have made, and their end.
extension JetStream {
    /// How many pages of the list are read, each of up to 256 consumers.
    private static let mostConsumerPages = 64

    /// How many consumers each stream of the account may have; nil for no limit.
    package func consumerLimit() async throws(NATSError) -> Int? {
        struct Answer: Decodable {
            /// -1 for none.
            struct Limits: Decodable { var max_consumers: Int? }
            var limits: Limits?
        }
        let limit = try await self.read("INFO", answer: Answer.self).limits?.max_consumers ?? -1
        return limit > 0 ? limit : nil
    }

    /// The consumers of a stream, whoever made them.
    package func consumers(of stream: String) async throws(NATSError) -> [ConsumerInfo] {
        struct Body: Encodable { var offset: Int }
        struct Answer: Decodable {
            var total: Int
            var consumers: [ConsumerInfo]?
        }
        let attempt = "CONSUMER.LIST.\(try Self.checked(stream, attempt: "CONSUMER.LIST"))"
        var consumers: [ConsumerInfo] = []
        for _ in 0..<Self.mostConsumerPages {
            let body = try Self.encode(Body(offset: consumers.count), attempt: attempt)
            let page = try await self.read(attempt, body: body, answer: Answer.self)
            consumers += page.consumers ?? []
            guard let count = page.consumers?.count, count > 0, consumers.count < page.total else { break }
        }
        return consumers
    }

    /// Succeeds, too, if there is no such consumer any more.
    package func deleteConsumer(_ name: String, of stream: String) async throws(NATSError) {
        struct Answer: Decodable { var success: Bool }
        let stream = try Self.checked(stream, attempt: "CONSUMER.DELETE")
        let name = try Self.checked(name, attempt: "CONSUMER.DELETE.\(stream)")
        do {
            _ = try await self.call("CONSUMER.DELETE.\(stream).\(name)", answer: Answer.self)
        } catch where error.code == .consumerNotFound {
            return
        }
    }
}
