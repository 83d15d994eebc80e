/// Why a request was not even offered to a backend, as the metrics tell it.
enum RefusalReason: Int, CaseIterable {
    /// Two parsers could read it differently, or none.
    case malformed
    /// Its head has too many bytes, lines or fields.
    case tooLarge
    /// It did not come in time.
    case tooSlow
    case namesNoBackend
    case unknownBackend
    case tokenMissing
    case tokenWrong
    /// The cookie came with a request that is not known to be of the backend's own page.
    case foreignOrigin
    /// `/_plane_auth` was to lead to another site.
    case foreignRedirect
    /// The backend did not get ready in time, or ended before it was.
    case backendUnavailable
    /// The table of backends cannot be read, or not in time.
    case routesUnavailable

    init(_ violation: HTTPViolation) {
        self = violation.status == .requestHeaderFieldsTooLarge ? .tooLarge : .malformed
    }

    /// The value of the label `reason`.
    var label: String {
        switch self {
        case .malformed: "malformed"
        case .tooLarge: "too_large"
        case .tooSlow: "too_slow"
        case .namesNoBackend: "names_no_backend"
        case .unknownBackend: "unknown_backend"
        case .tokenMissing: "token_missing"
        case .tokenWrong: "token_wrong"
        case .foreignOrigin: "foreign_origin"
        case .foreignRedirect: "foreign_redirect"
        case .backendUnavailable: "backend_unavailable"
        case .routesUnavailable: "routes_unavailable"
        }
    }
}
