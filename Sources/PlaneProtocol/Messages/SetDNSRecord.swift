/// A backend's address in the old stream `dns_record` (M13). Agents of 0.3.24 still send it; nothing reads it any more.
package struct SetDNSRecord: Hashable, Sendable {
    package enum Kind: String, JSONText, CaseIterable, Codable {
        case a = "A"
        case txt = "TXT"
    }

    package var cluster: ClusterName
    package var kind: Kind
    /// The backend's id.
    package var name: String
    /// The drone's address.
    package var value: String

    package init(cluster: ClusterName, kind: Kind, name: String, value: String) {
        self.cluster = cluster
        self.kind = kind
        self.name = name
        self.value = value
    }
}

extension SetDNSRecord: PlaneMessage {
    package static let subscription = "cluster.*.dns.*"

    package var subject: String { "cluster.\(self.cluster.subjectToken).dns.\(self.kind)" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.kind = try json.required("kind")
        self.name = try json.required("name")
        self.value = try json.required("value")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("kind", self.kind)
            $0.field("name", self.name)
            $0.field("value", self.value)
        }
    }
}
