/// How one engine behaves, whatever its policy. Its addresses are given when it starts to listen.
package struct ProxyOptions: Sendable {
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()
    /// Gives every request a name in `X-Request-Id`, for its endpoint, its answers and logs. Otherwise that field passes as any other.
    package var namesRequests = true
    /// Tells in the log of requests that were not served. A policy may have a log of its own for that.
    package var tellsFailures = true

    package init() {}
}
