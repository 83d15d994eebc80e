package import JSONValues

/// A visitor's token, written by gateways for the proxies of the tier to the stream `plane_tokens`, on a subject with the token's hash. An addition to
/// 0.3.24.
///
/// The stream does not contain the token. It does contain the visitor's secret, so only the tier may read it.
package struct TokenRecord: Hashable, Sendable {
    package var backend: BackendID
    package var cluster: ClusterName
    /// The name that the application gives the visitor.
    package var user: String?
    /// What the application tells the backend about the visitor: any JSON.
    package var auth: JSONValue?
    /// Known to the application and the backend, so that the two can recognize the visitor.
    package var secret: Secret?
    package var subdomain: Subdomain?
    /// Whether all visitors share this token, which then stays in the path.
    package var isStatic: Bool
    /// The token ends when it was not used for this long; nil if it ends with its backend.
    package var lifetime: WireSeconds?
    /// The token ends then, used or not; nil for no such end.
    package var expires: WireTime?
    /// When it was made. Proxies of former versions write the record anew where the token is in use, with the time of that; see `TokenUse`.
    package var issued: WireTime
    /// In a record that was written anew, the sequence of the token's first record, with which revocations are compared.
    package var firstSequence: UInt64?

    package static let stream = "plane_tokens"
    /// Matches every token.
    package static let subscription = "token.*"

    package init(
        backend: BackendID, cluster: ClusterName, user: String? = nil, auth: JSONValue? = nil, secret: Secret? = nil,
        subdomain: Subdomain? = nil, isStatic: Bool = false, lifetime: WireSeconds? = nil, expires: WireTime? = nil, issued: WireTime,
        firstSequence: UInt64? = nil
    ) {
        self.backend = backend
        self.cluster = cluster
        self.user = user
        self.auth = auth
        self.secret = secret
        self.subdomain = subdomain
        self.isStatic = isStatic
        self.lifetime = lifetime
        self.expires = expires
        self.issued = issued
        self.firstSequence = firstSequence
    }

    package static func subject(of token: TokenHash) -> String { "token.\(token)" }
}

extension TokenRecord: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend")
        self.cluster = try json.required("cluster")
        self.user = try json.optional("user")
        self.auth = try json.optional("auth")
        self.secret = try json.optional("secret")
        self.subdomain = try json.optional("subdomain")
        self.isStatic = try json.optional("static") ?? false
        self.lifetime = try json.optional("lifetime_secs")
        self.expires = try json.optional("expires")
        self.issued = try json.required("issued")
        self.firstSequence = try json.optional("first_sequence")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend", self.backend)
            $0.field("cluster", self.cluster)
            $0.fieldIfPresent("user", self.user)
            $0.fieldIfPresent("auth", self.auth)
            $0.fieldIfPresent("secret", self.secret)
            $0.fieldIfPresent("subdomain", self.subdomain)
            $0.fieldIfPresent("static", self.isStatic ? true : nil)
            $0.fieldIfPresent("lifetime_secs", self.lifetime)
            $0.fieldIfPresent("expires", self.expires)
            $0.field("issued", self.issued)
            $0.fieldIfPresent("first_sequence", self.firstSequence)
        }
    }
}
