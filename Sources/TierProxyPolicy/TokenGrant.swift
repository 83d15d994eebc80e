package import NIOCore
package import PlaneProtocol

/// What a visitor's token opens, and what its backend is told of the visitor.
package struct TokenGrant: Sendable {
    package var backend: String
    /// Who the visitor is, as the application says. Revocations name it.
    package var user: String?
    /// What the application lets the backend know, as JSON in ASCII. At most ``longestUserData`` bytes.
    package var userData: String
    package var secret: Secret?
    /// The only label before the cluster's name under which the token may be used; nil lets any do.
    package var subdomain: String?
    /// One token for all visitors, which stays in the path.
    package var isStatic: Bool
    /// It ends when it has not been used for so long; nil for one that ends with its backend.
    package var lifetime: TimeAmount?
    /// Where it stands in the stream: revocations that stand behind it end it.
    package var sequence: UInt64

    package static let longestUserData = 16 * 1024

    package init(
        backend: String, user: String? = nil, userData: String = "{}", secret: Secret? = nil, subdomain: String? = nil, isStatic: Bool = false,
        lifetime: TimeAmount? = nil, sequence: UInt64
    ) {
        self.backend = backend
        self.user = user
        self.userData = userData
        self.secret = secret
        self.subdomain = subdomain
        self.isStatic = isStatic
        self.lifetime = lifetime
        self.sequence = sequence
    }
}
