/// Why a request was not even offered to an endpoint, as the metrics tell it: the value of the label `reason`. A policy has reasons of its own.
package struct RefusalReason: Hashable, Sendable {
    package let label: String

    package init(label: String) {
        self.label = label
    }

    /// Two parsers could read it differently, or none.
    package static let malformed = RefusalReason(label: "malformed")
    /// Its head has too many bytes, lines or fields.
    package static let tooLarge = RefusalReason(label: "too_large")
    /// It did not come in time.
    package static let tooSlow = RefusalReason(label: "too_slow")
    /// The endpoint did not get ready in time, or ended before it was.
    package static let backendUnavailable = RefusalReason(label: "backend_unavailable")
    /// Nobody can say where it goes, or not in time.
    package static let routesUnavailable = RefusalReason(label: "routes_unavailable")

    package static let engines = [malformed, tooLarge, tooSlow, backendUnavailable, routesUnavailable]

    init(_ violation: HTTPViolation) {
        self = violation.status == .requestHeaderFieldsTooLarge ? .tooLarge : .malformed
    }
}
