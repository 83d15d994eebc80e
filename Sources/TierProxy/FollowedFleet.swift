package import PlaneProtocol
package import TierProxyPolicy

/// Where backends are and which tokens are valid, as the streams `plane_state` and `plane_tokens` tell it.
package struct FollowedFleet: TierFleet {
    package let locations: BackendLocations
    package let tokens: TokenStream

    package init(_ locations: BackendLocations, _ tokens: TokenStream) {
        self.locations = locations
        self.tokens = tokens
    }

    package func place(of backend: String) -> BackendLocation { self.locations.place(of: backend) }
    package func holder(of lock: LockName) -> String? { self.locations.holder(of: lock) }
    package var isCurrent: Bool { self.locations.isCaughtUp && self.tokens.isReady }

    package func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void) {
        self.tokens.fetch(token, completion)
    }

    package func reportUse(of token: TokenDigest) { self.tokens.reportUse(of: token) }
}
