/// What the server says of a stream.
package struct StreamInfo: Sendable, Hashable {
    package var name: String
    /// When it was created, as the server writes it. A stream that was deleted and made again has another one.
    package var created: String
    package var createdTime: StreamTime? { StreamTime(rfc3339: self.created) }
    package var subjects: [String]
    package var replicas: Int
    package var messages: UInt64
    /// Of the whole stream, in bytes.
    package var bytes: UInt64
    package var firstSequence: UInt64
    package var lastSequence: UInt64
    package var consumers: Int
}

extension StreamInfo: Decodable {
    private struct Body: Decodable {
        struct Config: Decodable {
            var name: String
            var subjects: [String]?
            var num_replicas: Int?
        }

        struct State: Decodable {
            var messages: UInt64
            var bytes: UInt64
            var first_seq: UInt64
            var last_seq: UInt64
            var consumer_count: Int?
        }

        var config: Config
        var created: String
        var state: State
    }

    package init(from decoder: any Decoder) throws {
        let body = try Body(from: decoder)
        self.name = body.config.name
        self.created = body.created
        self.subjects = body.config.subjects ?? []
        self.replicas = body.config.num_replicas ?? 1
        self.messages = body.state.messages
        self.bytes = body.state.bytes
        self.firstSequence = body.state.first_seq
        self.lastSequence = body.state.last_seq
        self.consumers = body.state.consumer_count ?? 0
    }
}
