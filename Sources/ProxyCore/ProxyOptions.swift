/// How one engine behaves, whatever its policy. Its addresses are given when it starts to listen.
package struct ProxyOptions: Sendable {
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init() {}
}
