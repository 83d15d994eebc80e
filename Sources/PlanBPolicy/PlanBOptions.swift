import NIOCore
package import RedisClient

/// How requests are routed, and how their failures are treated.
package struct PlanBOptions: Sendable {
    /// The server from which frontends, dead marks and certificates are read.
    package var reading: RedisServer
    /// The server to which dead marks are written.
    package var writing: RedisServer
    package var redisLimits = RedisLimits()
    /// The name of the header with the request's id, in canonical capitals; nil gives requests no id.
    package var requestIDHeader: String?
    /// How long a dead mark lasts, in seconds.
    package var deadSeconds = 30
    var markLife: TimeAmount { .seconds(Int64(self.deadSeconds)) }
    /// Whether a frontend is used without being read again, for as long as ``Frontend/isFresh(at:changeCount:)`` says, and for longer while Redis cannot be reached.
    package var cachesFrontends = false
    /// Whether names are looked up as in Hipache: without port, ignoring case, and by patterns such as `*.example.org`.
    package var usesWildcards = false
    /// To how many more backends a request is sent, when the first one has failed and the request may be repeated.
    package var retries = 0
    /// Whether answers from 501 to 599 mark their backend dead, except 503 with Retry-After.
    package var marksServerErrors = false
    /// Whether the only backend of a frontend is never marked.
    package var sparesSingleBackends = false
    /// Whether the visitor's `X-Forwarded-*` are passed on and added to. Otherwise they are replaced.
    package var trustsForwarding = true
    /// Only used in messages.
    package var requestTimeout: Duration = .seconds(30)
    package var dialTimeout: Duration = .seconds(10)

    package init(reading: RedisServer, writing: RedisServer) {
        self.reading = reading
        self.writing = writing
    }
}
