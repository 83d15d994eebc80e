/// The body of `CONSUMER.CREATE` for the one kind of consumer we use: ephemeral, pushed, in order, nothing acknowledged.
struct ConsumerConfiguration: Encodable {
    struct Config: Encodable {
        var deliver_subject: String
        var deliver_policy = "by_start_sequence"
        var opt_start_seq: UInt64
        var filter_subject: String?
        var ack_policy = "none"
        var max_deliver = 1
        var replay_policy = "instant"
        /// The server sends at most a window of bytes ahead of the reader.
        var flow_control = true
        /// Nanoseconds.
        var idle_heartbeat: UInt64
        /// Nanoseconds without a subscriber after which the server deletes it, should we not have.
        var inactive_threshold: UInt64
        var num_replicas = 1
        var mem_storage = true
    }

    struct Answer: Decodable {
        var name: String
        /// Messages to come.
        var num_pending: UInt64?
    }

    var stream_name: String
    var config: Config
}
