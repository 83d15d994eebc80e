/// The answer to a `FetchBackendForLock`.
package enum FetchReply: Hashable, Sendable {
    case scheduled(FetchedBackend)
    case noBackendForLock
    case error(ErrorReply)
}

/// The holder of a lock.
package struct FetchedBackend: Hashable, Sendable {
    package var drone: DroneID
    package var backendID: BackendID
    /// The token that the proxy asks visitors for; nil if it asks for none.
    package var bearerToken: Secret?
    /// Whether the backend is being ended; it holds the lock until its process is gone. An addition to 0.3.24, absent unless true.
    package var isEnding: Bool
    /// Tag of the key with which the backend was requested; nil without a key. An addition to 0.3.24, like all members below.
    package var tag: String?
    /// The address at which a browser reaches the backend; nil from a scheduler that does not send it.
    package var url: String?

    package init(
        drone: DroneID, backendID: BackendID, bearerToken: Secret? = nil, isEnding: Bool = false, tag: String? = nil, url: String? = nil
    ) {
        self.drone = drone
        self.backendID = backendID
        self.bearerToken = bearerToken
        self.isEnding = isEnding
        self.tag = tag
        self.url = url
    }
}

extension FetchReply: ErrorCarryingReply {
    package static var expectation: String { "\"NoBackendForLock\" or an object with either Scheduled or Error" }

    package init(json: JSONNode) throws(MessageError) {
        if try json.isText("NoBackendForLock") {
            self = .noBackendForLock
            return
        }
        let (tag, value) = try json.variant(expectation: Self.expectation)
        switch tag {
        case "Scheduled": self = .scheduled(try value.decode(FetchedBackend.self, at: .key(tag)))
        case "Error": self = .error(try ErrorReply(json: json))
        default: throw MessageError(expected: Self.expectation, found: MessageError.excerpt(tag))
        }
    }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .scheduled(let backend): json.object { $0.field("Scheduled", backend) }
        case .noBackendForLock: json.string("NoBackendForLock")
        case .error(let reply): reply.write(to: &json)
        }
    }
}

extension FetchedBackend: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.drone = try json.required("drone")
        self.backendID = try json.required("backend_id")
        self.bearerToken = try json.optional("bearer_token")
        self.isEnding = try json.optional("ending") ?? false
        self.tag = try json.optional("tag")
        self.url = try json.optional("url")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("backend_id", self.backendID)
            $0.fieldIfPresent("bearer_token", self.bearerToken)
            $0.fieldIfPresent("ending", self.isEnding ? true : nil)
            $0.fieldIfPresent("tag", self.tag)
            $0.fieldIfPresent("url", self.url)
        }
    }
}
