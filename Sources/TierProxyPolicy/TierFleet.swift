package import NIOCore
package import PlaneProtocol

/// Where a backend is, as far as the tier has to know.
package enum BackendLocation: Hashable, Sendable {
    case unknown
    /// It may be ready soon.
    case starting
    /// Behind the proxy of its drone, which takes the tier's requests at this address.
    case ready(SocketAddress)
    /// On a drone that takes nothing from a tier.
    case unreachable
    /// It is being ended, or has ended.
    case ended
}

/// A look at the stream of tokens.
package enum FetchedToken: Sendable {
    /// - Parameter age: Since it was made, or last told to be in use.
    case granted(TokenGrant, age: TimeAmount)
    case none
    /// Nobody can be asked.
    case unavailable
}

/// Where backends are and which tokens are valid; the policy asks it for each request.
package protocol TierFleet: Sendable {
    /// Called on event loops, so it may take a lock for a moment, and nothing more.
    func place(of backend: String) -> BackendLocation

    /// The backend that holds a key's lock, if one does. As quick as ``place(of:)``.
    func holder(of lock: LockName) -> String?

    /// All backends that there were at the start are known, and all revocations. Never false again, whatever becomes of the connection.
    var isCurrent: Bool { get }

    /// Asks for one token.
    ///
    /// - Parameter completion: Called once, on any thread, within four seconds.
    func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void)

    /// The token is in use: to be told to the others. Must not block.
    func tellUse(of token: TokenDigest)
}

/// A change of places or tokens, which ends or redirects what is open.
package enum TierChange: Sendable {
    /// The places of these backends have changed, and are looked up anew.
    case backends([String])
    case revoked(TierRevocation)
    /// Nothing has changed: how many requests and WebSockets are open is asked for.
    case counted
}
