/// The answer to a `ScheduleRequest`.
package enum ScheduleReply: Hashable, Sendable {
    case scheduled(ScheduledBackend)
    /// No drone is ready, or none of those asked has taken the backend.
    case noDroneAvailable
    case error(ErrorReply)
}

/// Where a backend was placed, or where the holder of the lock runs.
package struct ScheduledBackend: Hashable, Sendable {
    package var drone: DroneID
    package var backendID: BackendID
    /// The token that the proxy asks visitors for; nil if it asks for none.
    package var bearerToken: Secret?
    /// Whether this request has started the backend; false if it held the lock already.
    package var spawned: Bool
    /// Whether the backend is being ended; it holds the lock until its process is gone. An addition to 0.3.24, absent unless true.
    package var isEnding: Bool
    /// Tag of the key with which the backend was requested; nil without a key. An addition to 0.3.24, like all members below.
    package var tag: String?
    /// The address at which a browser reaches the backend; nil from a scheduler that does not send it.
    package var url: String?
    /// Keys in the request that the scheduler does not know; a misspelt key has no effect.
    package var ignoredKeys: [String]
    /// In how many milliseconds the drone expects it to be ready, as its image mostly was there; nil where the drone does not know, and for
    /// a backend that held the lock already.
    package var readyInMilliseconds: UInt32?

    package init(
        drone: DroneID, backendID: BackendID, bearerToken: Secret? = nil, spawned: Bool, isEnding: Bool = false, tag: String? = nil,
        url: String? = nil, ignoredKeys: [String] = [], readyInMilliseconds: UInt32? = nil
    ) {
        self.drone = drone
        self.backendID = backendID
        self.bearerToken = bearerToken
        self.spawned = spawned
        self.isEnding = isEnding
        self.tag = tag
        self.url = url
        self.ignoredKeys = ignoredKeys
        self.readyInMilliseconds = readyInMilliseconds
    }
}

extension ScheduleReply: ErrorCarryingReply {
    package static var expectation: String { "\"NoDroneAvailable\" or an object with either Scheduled or Error" }

    package init(json: JSONNode) throws(MessageError) {
        if try json.isText("NoDroneAvailable") {
            self = .noDroneAvailable
            return
        }
        let (tag, value) = try json.variant(expectation: Self.expectation)
        switch tag {
        case "Scheduled": self = .scheduled(try value.decode(ScheduledBackend.self, at: .key(tag)))
        case "Error": self = .error(try ErrorReply(json: json))
        default: throw MessageError(expected: Self.expectation, found: MessageError.excerpt(tag))
        }
    }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .scheduled(let backend): json.object { $0.field("Scheduled", backend) }
        case .noDroneAvailable: json.string("NoDroneAvailable")
        case .error(let reply): reply.write(to: &json)
        }
    }
}

extension ScheduledBackend: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.drone = try json.required("drone")
        self.backendID = try json.required("backend_id")
        self.bearerToken = try json.optional("bearer_token")
        self.spawned = try json.required("spawned")
        self.isEnding = try json.optional("ending") ?? false
        self.tag = try json.optional("tag")
        self.url = try json.optional("url")
        self.ignoredKeys = try json.optional("ignored") ?? []
        self.readyInMilliseconds = try json.optional("ready_in_ms")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("backend_id", self.backendID)
            $0.fieldIfPresent("bearer_token", self.bearerToken)
            $0.field("spawned", self.spawned)
            $0.fieldIfPresent("ending", self.isEnding ? true : nil)
            $0.fieldIfPresent("tag", self.tag)
            $0.fieldIfPresent("url", self.url)
            $0.fieldIfPresent("ignored", self.ignoredKeys.isEmpty ? nil : self.ignoredKeys)
            $0.fieldIfPresent("ready_in_ms", self.readyInMilliseconds)
        }
    }
}
