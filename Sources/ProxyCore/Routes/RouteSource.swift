package import NIOCore
package import PlaneProtocol

/// Where the proxy learns which backend a name means: for a drone its SQLite file.
///
/// Both calls are made on one thread that belongs to ``RouteDirectory`` alone, so they may block for a moment; they are never made
/// on an event loop that carries traffic.
package protocol RouteSource: Sendable {
    /// A number that differs from the last one whenever an answer of ``route(_:)`` may have become another.
    ///
    /// Asked every few milliseconds while there is traffic. Only compared for equality.
    func version() throws -> Int64

    /// What `name` means now. A name nobody knows is ``RouteAnswer/none``, not an error.
    func route(_ name: String) throws -> RouteAnswer
}

/// What a name means.
package enum RouteAnswer: Equatable, Sendable {
    case ready(SocketAddress, token: Secret?)
    /// The backend exists and may be ready soon.
    case starting(token: Secret?)
    /// No backend, or one that has ended.
    case none
}
