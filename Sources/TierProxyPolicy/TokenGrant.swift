import JSONValues
package import NIOCore
package import PlaneProtocol
package import VisitorTokens

/// What a visitor's token allows, and what its backend is told about the visitor.
package struct TokenGrant: Sendable {
    package enum Target: Hashable, Sendable {
        case backend(String)
        /// Whichever backend holds this lock of a key.
        case holder(of: LockName)
    }

    package var target: Target
    /// Who the visitor is, as the application says. Revocations name it.
    package var user: String?
    /// Data for the backend from the application, as JSON in ASCII. At most ``longestUserData`` bytes.
    package var userData: String
    package var secret: Secret?
    /// The only subdomain of the cluster's name with which the token may be used; nil allows any.
    package var subdomain: String?
    /// Whether all visitors share this token, which then stays in the path.
    package var isStatic: Bool
    /// It ends when it has not been used for so long; nil for one that ends with its backend, or only at ``expires``.
    package var lifetime: TimeAmount?
    /// It ends then, used or not.
    package var expires: NIODeadline?
    /// Revocations that stand behind it end it. Nil for a token whose maker did not know the stream: by the clock then.
    package var generation: TokenGeneration?
    /// When it was made, in seconds since 1970.
    package var issued: Int64
    /// By which it is revoked alone; nil means by itself.
    package var id: TokenDigest?

    package static let longestUserData = 16 * 1024

    package init(
        _ target: Target, user: String? = nil, userData: String = "{}", secret: Secret? = nil, subdomain: String? = nil, isStatic: Bool = false,
        lifetime: TimeAmount? = nil, expires: NIODeadline? = nil, generation: TokenGeneration?, issued: Int64 = 0, id: TokenDigest? = nil
    ) {
        self.target = target
        self.user = user
        self.userData = userData
        self.secret = secret
        self.subdomain = subdomain
        self.isStatic = isStatic
        self.lifetime = lifetime
        self.expires = expires
        self.generation = generation
        self.issued = issued
        self.id = id
    }
}

extension TokenGrant {
    /// What a signed token opens.
    ///
    /// - Parameters:
    ///   - seconds: The time since 1970, at `now`.
    package init(_ claims: TokenClaims, at now: NIODeadline, _ seconds: Int64) {
        let target: Target =
            switch claims.target {
            case .backend(let backend): .backend(backend.rawValue)
            case .key(let key): .holder(of: key.lock)
            }
        self.init(
            target, user: claims.user, userData: claims.auth.flatMap { $0 == .null ? nil : VisitorData.header(of: $0) } ?? "{}",
            subdomain: claims.subdomain?.rawValue, expires: now + .seconds(claims.expires - seconds + SignedToken.clockTolerance),
            generation: claims.generation, issued: claims.issued, id: TokenDigest(of: claims.id.utf8))
    }
}
