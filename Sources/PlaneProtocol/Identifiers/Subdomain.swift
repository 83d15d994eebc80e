/// A label in front of a cluster's domain, with which a gateway's visitors ask for a backend: 1 to 63 of a-z, 0-9 and inner hyphens (RFC 1035 §2.3.1). An
/// addition to 0.3.24.
package struct Subdomain: JSONText, Hashable, Codable {
    package static var expectation: String { "a subdomain (1 to 63 of a-z, 0-9 and inner hyphens)" }

    package let rawValue: String

    package init?(rawValue: String) {
        // A subdomain is one label, like a backend's id.
        guard BackendID(rawValue: rawValue) != nil else { return nil }
        self.rawValue = rawValue
    }
}
