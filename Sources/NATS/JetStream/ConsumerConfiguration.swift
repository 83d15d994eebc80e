/// The body of `CONSUMER.CREATE` for the only kind of consumer that we use: ephemeral, pushed, in order, without acknowledgements.
struct ConsumerConfiguration: Encodable {
    struct Config: Encodable {
        var deliver_subject: String
        var deliver_policy = "by_start_sequence"
        var opt_start_seq: UInt64
        var filter_subject: String?
        var ack_policy = "none"
        var max_deliver = 1
        var replay_policy = "instant"
        /// Makes the server send only a limited number of bytes before the reader has read them.
        var flow_control = true
        /// Nanoseconds.
        var idle_heartbeat: UInt64
        /// Nanoseconds without a subscriber after which the server deletes the consumer, in case we have not.
        var inactive_threshold: UInt64
        var num_replicas = 1
        var mem_storage = true
    }

    struct Answer: Decodable {
        var name: String
        /// Messages that are still to be delivered.
        var num_pending: UInt64?
    }

    var stream_name: String
    var config: Config
}
