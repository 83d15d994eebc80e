/// Why no endpoint got a request, as the metrics count it: the value of the label `reason`. A policy may have more reasons.
package struct RefusalReason: Hashable, Sendable {
    package let label: String

    package init(label: String) {
        self.label = label
    }

    /// The request breaks the rules of HTTP, or two parsers could read it differently.
    package static let malformed = RefusalReason(label: "malformed")
    /// The request's head has too many bytes, lines or fields.
    package static let tooLarge = RefusalReason(label: "too_large")
    /// The request did not come in time.
    package static let tooSlow = RefusalReason(label: "too_slow")
    /// The endpoint did not get ready in time, or ended before it was.
    package static let backendUnavailable = RefusalReason(label: "backend_unavailable")
    /// The proxy could not find out in time, or at all, where the request goes.
    package static let routesUnavailable = RefusalReason(label: "routes_unavailable")

    package static let engines = [malformed, tooLarge, tooSlow, backendUnavailable, routesUnavailable]

    init(_ violation: HTTPViolation) {
        self = violation.status == .requestHeaderFieldsTooLarge ? .tooLarge : .malformed
    }
}
