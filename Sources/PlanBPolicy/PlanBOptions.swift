package import RedisClient

/// How requests are routed, and what is said of them.
package struct PlanBOptions: Sendable {
    /// Where frontends, dead marks and certificates are read.
    package var reading: RedisServer
    /// Where dead marks are written.
    package var writing: RedisServer
    package var redisLimits = RedisLimits()
    /// As it is written in heads and logs, in canonical capitals; nil gives no request a name.
    package var requestIDHeader: String?
    /// Life of a dead mark, in seconds.
    package var deadSeconds = 30
    /// A frontend that was read is believed for ``FrontendCache/freshness``, and for longer while Redis cannot be asked.
    package var cachesFrontends = false
    /// Names are looked up as Hipache does: without a port, without regard to case, and by patterns such as `*.example.org`.
    package var usesWildcards = false
    /// Other backends that one request is offered to, when the first has failed and the request may be sent to another.
    package var retries = 0
    /// Answers from 501 to 599 mark their backend dead, except 503 with Retry-After.
    package var marksServerErrors = false
    /// A backend that is the only one of its frontend is not marked.
    package var sparesSingleBackends = false
    /// What visitors say in `X-Forwarded-*` is passed on and added to. Otherwise it is replaced.
    package var trustsForwarding = true
    /// For messages only.
    package var requestTimeout: Duration = .seconds(30)
    package var dialTimeout: Duration = .seconds(10)

    package init(reading: RedisServer, writing: RedisServer) {
        self.reading = reading
        self.writing = writing
    }
}
