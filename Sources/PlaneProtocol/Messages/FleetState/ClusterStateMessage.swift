/// One change in one cluster. In JSON it is one key, beside `cluster`, that says what kind of change it is.
package enum ClusterStateMessage: Hashable, Sendable {
    case lock(LockMessage)
    case drone(DroneMessage)
    case backend(BackendMessage)
    /// A TXT value which DNS serves at `_acme-challenge.<cluster>`, and those before it that it is to serve as well, oldest first: the
    /// stream keeps the last message only, and a name server that starts in the middle of an order must know them all. Older writers
    /// name no earlier ones, and older readers pass them over.
    case acme(String, earlier: [String] = [])
}

extension ClusterStateMessage: JSONDecodable {
    /// Reads the object that also holds the key `cluster`.
    package init(json: JSONNode) throws(MessageError) {
        if let lock = try json.optional("LockMessage", as: LockMessage.self) {
            self = .lock(lock)
        } else if let drone = try json.optional("DroneMessage", as: DroneMessage.self) {
            self = .drone(drone)
        } else if let backend = try json.optional("BackendMessage", as: BackendMessage.self) {
            self = .backend(backend)
        } else if let acme = try json.optional("AcmeMessage", as: AcmeMessage.self) {
            self = .acme(acme.value, earlier: acme.earlier)
        } else {
            throw MessageError(expected: "one of LockMessage, DroneMessage, BackendMessage, AcmeMessage", found: "none of them")
        }
    }

    func writeField(to json: inout JSONWriter.Object) {
        switch self {
        case .lock(let message): json.field("LockMessage", message)
        case .drone(let message): json.field("DroneMessage", message)
        case .backend(let message): json.field("BackendMessage", message)
        case .acme(let value, let earlier):
            json.object("AcmeMessage") {
                $0.field("value", value)
                $0.fieldIfPresent("earlier", earlier.isEmpty ? nil : earlier)
            }
        }
    }

    /// The subject behind `state.cluster.<C>.`
    var subjectTail: String {
        switch self {
        case .lock(let message): message.subjectTail
        case .drone(let message): message.subjectTail
        case .backend(let message): message.subjectTail
        case .acme: "acme"
        }
    }

    private struct AcmeMessage: JSONDecodable {
        let value: String
        let earlier: [String]

        init(json: JSONNode) throws(MessageError) {
            self.value = try json.required("value")
            self.earlier = try json.optional("earlier") ?? []
        }
    }
}
