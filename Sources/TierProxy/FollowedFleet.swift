package import PlaneProtocol
package import TierProxyPolicy

/// Where backends are and which tokens are valid, as the streams `plane_state` and `plane_tokens` tell it.
package struct FollowedFleet: TierFleet {
    package let places: BackendPlaces
    package let tokens: TokenStream

    package init(_ places: BackendPlaces, _ tokens: TokenStream) {
        self.places = places
        self.tokens = tokens
    }

    package func place(of backend: String) -> BackendLocation { self.places.place(of: backend) }
    package func holder(of lock: LockName) -> String? { self.places.holder(of: lock) }
    package var isCurrent: Bool { self.places.isCaughtUp && self.tokens.isReady }

    package func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void) {
        self.tokens.fetch(token, completion)
    }

    package func tellUse(of token: TokenDigest) { self.tokens.tellUse(of: token) }
}
