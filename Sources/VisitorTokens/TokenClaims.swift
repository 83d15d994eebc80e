package import JSONValues
package import PlaneProtocol

/// What a signed token says (RFC 7519): for which cluster, what it opens, who the visitor is, from when until when.
package struct TokenClaims: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        case backend(BackendID)
        /// Whichever backend holds the key.
        case key(BackendKey)
    }

    /// `aud`
    package var cluster: ClusterName
    package var target: Target
    /// `jti`, by which it can be revoked.
    package var id: String
    /// `sub`: who the visitor is, as the application says.
    package var user: String?
    /// What the application lets the backend know about the visitor: any JSON.
    package var auth: JSONValue?
    /// The only label before the cluster's name under which it may be used; nil lets any do.
    package var subdomain: Subdomain?
    /// `iat`, in seconds since 1970 as all times here.
    package var issued: Int64
    /// `nbf`
    package var notBefore: Int64?
    /// `exp`
    package var expires: Int64
    /// `gen`: the last that the stream of revocations held when it was made: later ones may end it. Without it, those that are not older by the clock do.
    package var generation: TokenGeneration?

    /// Revocations are kept for longer than this, so no token may outlive them.
    package static let longestLifetime: Int64 = 7 * 24 * 3600
    package static let longestID = 128

    package init(
        cluster: ClusterName, target: Target, id: String, user: String? = nil, auth: JSONValue? = nil, subdomain: Subdomain? = nil, issued: Int64,
        notBefore: Int64? = nil, expires: Int64, generation: TokenGeneration? = nil
    ) {
        self.cluster = cluster
        self.target = target
        self.id = id
        self.user = user
        self.auth = auth
        self.subdomain = subdomain
        self.issued = issued
        self.notBefore = notBefore
        self.expires = expires
        self.generation = generation
    }
}

extension TokenClaims: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("aud")
        self.id = try json.required("jti")
        guard (1...Self.longestID).contains(self.id.utf8.count) else {
            throw MessageError(path: [.key("jti")], expected: "1 to \(Self.longestID) bytes", found: "\(self.id.utf8.count)")
        }
        let (backend, key): (BackendID?, BackendKey?) = (try json.optional("backend"), try json.optional("key"))
        switch (backend, key) {
        case (let backend?, nil): self.target = .backend(backend)
        case (nil, let key?): self.target = .key(key)
        case (nil, nil), (_?, _?): throw MessageError(expected: "either backend or key", found: backend == nil ? "neither" : "both")
        }
        self.user = try json.optional("sub")
        self.auth = try json.optional("auth")
        self.subdomain = try json.optional("subdomain")
        self.issued = try json.required("iat")
        self.notBefore = try json.optional("nbf")
        self.expires = try json.required("exp")
        self.generation = try json.optional("gen")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("aud", self.cluster)
            switch self.target {
            case .backend(let backend): $0.field("backend", backend)
            case .key(let key): $0.field("key", key)
            }
            $0.field("jti", self.id)
            $0.fieldIfPresent("sub", self.user)
            $0.fieldIfPresent("auth", self.auth)
            $0.fieldIfPresent("subdomain", self.subdomain)
            $0.field("iat", self.issued)
            $0.fieldIfPresent("nbf", self.notBefore)
            $0.field("exp", self.expires)
            $0.fieldIfPresent("gen", self.generation)
        }
    }
}
