/// The metadata keys of everything this library logs.
enum NATSLogKey {
    static let attempt = "nats_attempt"
    static let attemptLimit = "nats_attempt_limit"
    static let consumer = "nats_consumer"
    static let dropped = "nats_dropped_messages"
    static let error = "error"
    static let reason = "reason"
    static let replicas = "nats_replicas"
    static let sequence = "nats_sequence"
    static let server = "nats_server"
    static let stream = "nats_stream"
    static let subject = "nats_subject"
}
