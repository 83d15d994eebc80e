/// The options of one engine that do not depend on its policy. The addresses are given when it starts to listen.
package struct ProxyOptions: Sendable {
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()
    /// Gives every request an id in `X-Request-Id`, which its endpoint, the proxy's answers and the logs show. If false, the field passes like any other.
    package var namesRequests = true
    /// Whether requests that were not served are logged. A policy may have its own log for them.
    package var logsFailures = true

    package init() {}
}
