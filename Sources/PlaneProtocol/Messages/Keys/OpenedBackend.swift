/// What answers to later visitors of a backend have to repeat; gateways write and read it in the stream `plane_tokens`.
///
/// A static token is the same for all visitors, so every gateway that answers one has to know it. Only gateways may read this subject.
package struct OpenedBackend: Hashable, Sendable {
    package var staticToken: Secret?
    package var subdomain: Subdomain?

    package init(staticToken: Secret? = nil, subdomain: Subdomain? = nil) {
        self.staticToken = staticToken
        self.subdomain = subdomain
    }

    /// Whether there is nothing to repeat, so that it need not be written.
    package var isEmpty: Bool { self.staticToken == nil && self.subdomain == nil }

    package static func subject(of backend: BackendID) -> String { "opened.\(backend)" }
    package static let subscription = "opened.*"
}

extension OpenedBackend: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.staticToken = try json.optional("static_token")
        self.subdomain = try json.optional("subdomain")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.fieldIfPresent("static_token", self.staticToken)
            $0.fieldIfPresent("subdomain", self.subdomain)
        }
    }
}
