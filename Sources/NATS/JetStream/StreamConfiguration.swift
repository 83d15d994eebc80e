/// The configuration of a stream that we set. All streams use file storage and limits retention, and discard the oldest messages first.
package struct StreamConfiguration: Sendable, Hashable {
    package var name: String
    package var subjects: [String]
    /// Messages kept per subject; nil for no limit.
    package var maxMessagesPerSubject: Int64?
    /// Older messages are deleted; nil for no limit.
    package var maxAge: Duration?
    /// Size of the whole stream, or `unlimited`; the server sets that much of its store aside. Nil leaves an existing stream as it is, and gives a new one no
    /// limit.
    package var maxBytes: Int64?
    package static let unlimited: Int64 = -1
    /// Number of copies in a cluster: 1, 3 or 5.
    package var replicas: Int
    /// Whether the server tells publishers that a message is stored. It does so on a reply subject that they choose, and with its own permissions.
    package var isAcknowledged: Bool

    package init(
        name: String, subjects: [String], maxMessagesPerSubject: Int64? = nil, maxAge: Duration? = nil,
        maxBytes: Int64? = nil, replicas: Int = 1, isAcknowledged: Bool = true
    ) {
        self.name = name
        self.subjects = subjects
        self.maxMessagesPerSubject = maxMessagesPerSubject
        self.maxAge = maxAge
        self.maxBytes = maxBytes
        self.replicas = replicas
        self.isAcknowledged = isAcknowledged
    }
}

extension StreamConfiguration: Encodable {
    private enum Key: String, CodingKey {
        case name, subjects, retention, storage, discard
        case maxMessagesPerSubject = "max_msgs_per_subject"
        case maxAge = "max_age"
        case maxBytes = "max_bytes"
        case replicas = "num_replicas"
        case isUnacknowledged = "no_ack"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(self.name, forKey: .name)
        try container.encode(self.subjects, forKey: .subjects)
        try container.encode("limits", forKey: .retention)
        try container.encode("file", forKey: .storage)
        try container.encode("old", forKey: .discard)
        // A limit that is nil is left out.
        try container.encodeIfPresent(self.maxMessagesPerSubject, forKey: .maxMessagesPerSubject)
        try container.encodeIfPresent(self.maxAge?.unsignedNanoseconds, forKey: .maxAge)
        try container.encodeIfPresent(self.maxBytes, forKey: .maxBytes)
        try container.encode(self.replicas, forKey: .replicas)
        if !self.isAcknowledged { try container.encode(true, forKey: .isUnacknowledged) }
    }
}
