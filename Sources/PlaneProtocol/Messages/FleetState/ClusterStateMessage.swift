/// One change in one cluster. In JSON the kind of change is one key beside `cluster`.
package enum ClusterStateMessage: Hashable, Sendable {
    case lock(LockMessage)
    case drone(DroneMessage)
    case backend(BackendMessage)
    /// A TXT value that DNS serves at `_acme-challenge.<cluster>`, and earlier values that it serves as well, oldest first. The stream keeps only the last
    /// message, and a name server that starts during an order must know all values. Writers of 0.3.24 name no earlier ones, and its readers ignore them.
    case acme(String, earlier: [String] = [])
    /// Stream sequence of the newest message that could change where names of backends lead, when that message is about to be deleted from the stream. An
    /// addition on a subject of its own, which 0.3.24 ignores.
    case names(changedAt: UInt64)
}

extension ClusterStateMessage: JSONDecodable {
    /// Reads the object that contains the key `cluster`, too.
    package init(json: JSONNode) throws(MessageError) {
        if let lock = try json.optional("LockMessage", as: LockMessage.self) {
            self = .lock(lock)
        } else if let drone = try json.optional("DroneMessage", as: DroneMessage.self) {
            self = .drone(drone)
        } else if let backend = try json.optional("BackendMessage", as: BackendMessage.self) {
            self = .backend(backend)
        } else if let acme = try json.optional("AcmeMessage", as: AcmeMessage.self) {
            self = .acme(acme.value, earlier: acme.earlier)
        } else if let names = try json.optional("NamesMessage", as: NamesMessage.self) {
            self = .names(changedAt: names.changedAt)
        } else {
            throw MessageError(expected: "one of LockMessage, DroneMessage, BackendMessage, AcmeMessage, NamesMessage", found: "none of them")
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
        case .names(let sequence): json.object("NamesMessage") { $0.field("changed_at", sequence) }
        }
    }

    /// The part of the subject after `state.cluster.<C>.`.
    var subjectTail: String {
        switch self {
        case .lock(let message): message.subjectTail
        case .drone(let message): message.subjectTail
        case .backend(let message): message.subjectTail
        case .acme: "acme"
        case .names: "names"
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

    private struct NamesMessage: JSONDecodable {
        let changedAt: UInt64

        init(json: JSONNode) throws(MessageError) {
            self.changedAt = try json.required("changed_at")
        }
    }
}
