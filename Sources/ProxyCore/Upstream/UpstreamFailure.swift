/// Why a backend's answer could not be passed on.
enum UpstreamFailure: Equatable {
    case refusedConnection
    case connectTimedOut
    case unreachable
    case closedBeforeResponse
    case malformedResponse(HTTPViolation)
    case upgradeNobodyAskedFor
    case tooManyInterimResponses
    case responseTimedOut
    case stillStarting
    case failedWhileStarting
    case routesUnavailable
    case lookupTimedOut

    var status: ProxyStatus {
        switch self {
        case .connectTimedOut, .responseTimedOut, .stillStarting, .lookupTimedOut: .gatewayTimeout
        case .refusedConnection, .unreachable, .closedBeforeResponse, .malformedResponse, .upgradeNobodyAskedFor,
            .tooManyInterimResponses, .failedWhileStarting, .routesUnavailable:
            .badGateway
        }
    }

    /// For the person in front of the browser.
    var sentence: String {
        switch self {
        case .refusedConnection: "The backend refused the connection."
        case .connectTimedOut: "The backend did not accept the connection in time."
        case .unreachable: "The backend could not be reached."
        case .closedBeforeResponse: "The backend closed the connection without a response."
        case .malformedResponse: "The backend's response was malformed."
        case .upgradeNobodyAskedFor: "The backend switched protocols without being asked."
        case .tooManyInterimResponses: "The backend sent too many interim responses."
        case .responseTimedOut: "The backend did not respond in time."
        case .stillStarting: "The backend is still starting."
        case .failedWhileStarting: "The backend ended before it was ready."
        case .routesUnavailable, .lookupTimedOut: "The proxy could not look the backend up."
        }
    }

    /// For the log.
    var detail: String {
        if case .malformedResponse(let violation) = self { "\(self.sentence) \(violation.sentence)" } else { self.sentence }
    }
}
