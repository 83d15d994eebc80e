/// What the server says of a consumer.
package struct ConsumerInfo: Sendable, Hashable {
    package var name: String
    /// Whether it stays however long nobody reads it.
    package var isDurable: Bool
    /// Where it delivers; nil if its readers ask for messages.
    package var deliverSubject: String?
    /// For how long nobody reads it before the server deletes it; nil for the server's own time, which is seconds.
    package var inactiveThreshold: Duration?

    package init(name: String, isDurable: Bool = false, deliverSubject: String? = nil, inactiveThreshold: Duration? = nil) {
        self.name = name
        self.isDurable = isDurable
        self.deliverSubject = deliverSubject
        self.inactiveThreshold = inactiveThreshold
    }
}

extension ConsumerInfo: Decodable {
    private struct Body: Decodable {
        struct Config: Decodable {
            var durable_name: String?
            var deliver_subject: String?
            /// Nanoseconds.
            var inactive_threshold: Int64?
        }

        var name: String
        var config: Config
    }

    package init(from decoder: any Decoder) throws {
        let body = try Body(from: decoder)
        self.init(
            name: body.name, isDurable: !(body.config.durable_name ?? "").isEmpty, deliverSubject: body.config.deliver_subject,
            inactiveThreshold: body.config.inactive_threshold.map { .nanoseconds($0) })
    }
}
