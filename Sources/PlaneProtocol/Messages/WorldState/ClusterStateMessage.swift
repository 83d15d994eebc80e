/// One change in one cluster. In JSON it is one key, beside `cluster`, that says what kind of change it is.
package enum ClusterStateMessage: Hashable, Sendable {
    case lock(LockMessage)
    case drone(DroneMessage)
    case backend(BackendMessage)
    /// A TXT value which DNS serves at `_acme-challenge.<cluster>`.
    case acme(String)
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
            self = .acme(acme.value)
        } else {
            throw MessageError(expected: "one of LockMessage, DroneMessage, BackendMessage, AcmeMessage", found: "none of them")
        }
    }

    func writeField(to json: inout JSONWriter.Object) {
        switch self {
        case .lock(let message): json.field("LockMessage", message)
        case .drone(let message): json.field("DroneMessage", message)
        case .backend(let message): json.field("BackendMessage", message)
        case .acme(let value): json.object("AcmeMessage") { $0.field("value", value) }
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

        init(json: JSONNode) throws(MessageError) {
            self.value = try json.required("value")
        }
    }
}
