import NIOHTTP1

/// Limits on what clients can make the gateway hold.
enum HTTPLimits {
    /// How many connections may be open at the same time, including event streams. Further ones wait in the kernel.
    static let connections = 50_000

    static let decoder: NIOHTTPDecoderLimitConfiguration = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 << 10
        limits.maxHeaderListSize = 64 << 10
        limits.maxHeaderFieldCount = 200
        return limits
    }()

    /// How many bytes the decoder keeps. It reads nothing behind a request for another protocol, and otherwise keeps no more than one field and what was
    /// read at once.
    static let undecodedBytes = 128 << 10
    /// How many parts of requests (heads, pieces of bodies, ends) are kept behind the request that is being answered.
    static let queuedParts = 2048
    /// The largest body in bytes, as in Plane.
    static let bodyBytes = 2 << 20
    /// How much of a body is read before anybody asks for it.
    static let heldBytes = 64 << 10
    /// How many bytes are read and dropped, of a body that nobody wanted and of what comes behind the last answer, so that the client can read the answer.
    static let droppedBytes = 4 << 20
}
