/// Asks for a TXT value to be served, which proves to a certificate authority that the domain is ours; sent by the certificate refresher to the schedulers
/// (M12). Answered `true` when it is stored.
package struct SetAcmeDNSRecord: Hashable, Sendable {
    package var cluster: ClusterName
    /// Text of the TXT record of `_acme-challenge.<cluster>`.
    package var value: String

    /// The longest value in bytes: one character-string of a TXT record (RFC 1035 §3.3). A challenge has 43 (RFC 8555 §8.4).
    package static let maximumBytes = 255

    package init(cluster: ClusterName, value: String) {
        self.cluster = cluster
        self.value = value
    }
}

extension SetAcmeDNSRecord: PlaneRequest {
    package typealias Reply = Bool

    package static let subscription = "cluster.*.set_acme_record"

    package var subject: String { "cluster.\(self.cluster.subjectToken).set_acme_record" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.value = try json.required("value", atMost: Self.maximumBytes)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("value", self.value)
        }
    }
}
