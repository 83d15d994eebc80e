package import UTCTime

/// What the server says of a stream.
package struct StreamInfo: Sendable, Hashable {
    package var name: String
    /// When the stream was created, as the server writes it. A stream that was deleted and made again has another time.
    package var created: String
    package var createdTime: UTCInstant? { UTCInstant(self.created) }
    package var subjects: [String]
    /// Whether the server that has the stream is a member of a cluster.
    package var isClustered: Bool
    /// Whether publishers get acknowledgements.
    package var acknowledges: Bool
    /// The configured size limit in bytes; nil for no limit.
    package var maxBytes: UInt64?
    /// The configured number of copies. A single server accepts more than it can keep; see `copies`.
    package var replicas: Int
    /// How many servers have the stream and can be reached now: 1 on a single server, whatever is configured.
    package var copies: Int
    package var messages: UInt64
    /// The size of the whole stream in bytes.
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
            var no_ack: Bool?
            /// -1 for no limit.
            var max_bytes: Int64?
        }

        struct State: Decodable {
            var messages: UInt64
            var bytes: UInt64
            var first_seq: UInt64
            var last_seq: UInt64
            var consumer_count: Int?
        }

        /// Absent if the server is no member of a cluster; newer servers name only themselves as leader then.
        struct Group: Decodable {
            struct Peer: Decodable {
                var offline: Bool?
            }

            var name: String?
            var leader: String?
            /// All servers but the leader.
            var replicas: [Peer]?

            var copies: Int { (self.leader == nil ? 0 : 1) + (self.replicas ?? []).count { $0.offline != true } }
        }

        var config: Config
        var cluster: Group?
        var created: String
        var state: State
    }

    package init(from decoder: any Decoder) throws {
        let body = try Body(from: decoder)
        self.name = body.config.name
        self.created = body.created
        self.subjects = body.config.subjects ?? []
        self.isClustered = !(body.cluster?.name ?? "").isEmpty
        self.acknowledges = body.config.no_ack != true
        self.maxBytes = body.config.max_bytes.flatMap { $0 > 0 ? UInt64($0) : nil }
        self.replicas = body.config.num_replicas ?? 1
        self.copies = body.cluster?.copies ?? 1
        self.messages = body.state.messages
        self.bytes = body.state.bytes
        self.firstSequence = body.state.first_seq
        self.lastSequence = body.state.last_seq
        self.consumers = body.state.consumer_count ?? 0
    }
}
