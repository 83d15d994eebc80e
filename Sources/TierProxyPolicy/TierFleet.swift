package import NIOCore
package import PlaneProtocol

/// The place of a backend, in the detail that the tier needs.
package enum BackendLocation: Hashable, Sendable {
    case unknown
    /// The backend is not ready, but may be soon.
    case starting
    /// The backend is behind the proxy of its drone, which accepts the tier's requests at this address.
    case ready(SocketAddress)
    /// The backend is on a drone that accepts no requests of a tier.
    case unreachable
    /// The backend is ending or has ended.
    case ended
}

/// The result of reading a token from the stream.
package enum FetchedToken: Sendable {
    /// - Parameter age: the time since the token was made, or was last reported to be in use.
    case granted(TokenGrant, age: TimeAmount)
    case none
    /// The stream cannot be read now.
    case unavailable
}

/// Where backends are and which tokens are valid; the policy asks it for each request.
package protocol TierFleet: Sendable {
    /// Called on event loops, so it must not block for longer than a short lock.
    func place(of backend: String) -> BackendLocation

    /// The backend that holds a key's lock, if one does. As quick as ``place(of:)``.
    func holder(of lock: LockName) -> String?

    /// All backends that there were at the start are known, and all revocations. Never false again, whatever becomes of the connection.
    var isCurrent: Bool { get }

    /// Reads one token.
    ///
    /// - Parameter completion: called once, on any thread, within four seconds.
    func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void)

    /// Reports to the other proxies that the token is in use. Must not block.
    func reportUse(of token: TokenDigest)
}

/// A change of places or tokens, which ends or redirects what is open.
package enum TierChange: Sendable {
    /// The places of these backends have changed, and are looked up anew.
    case backends([String])
    case revoked(TierRevocation)
    /// Nothing has changed: how many requests and WebSockets are open is asked for.
    case counted
}
