/// Why a backend's answer could not be passed on, or could not be asked for.
package enum UpstreamFailure: Equatable, Sendable {
    case refusedConnection
    case connectTimedOut
    case unreachable
    /// TLS failed: the endpoint's certificate is not trusted, or the two sides have no version or cipher in common.
    case handshakeFailed
    /// The system could not make a connection, for want of descriptors, memory or ports. That is not the endpoint's fault.
    case noResources
    case closedBeforeResponse
    /// The connection failed, as by a reset.
    case brokeBeforeResponse
    case malformedResponse(HTTPViolation)
    case upgradeNobodyAskedFor
    case tooManyInterimResponses
    case responseTimedOut
    case stillStarting
    case failedWhileStarting

    /// The failures without their details, as the metrics count them.
    enum Kind: Int, CaseIterable {
        case refusedConnection, connectTimedOut, unreachable, closedBeforeResponse, malformedResponse, upgradeNobodyAskedFor
        case tooManyInterimResponses, responseTimedOut, stillStarting, failedWhileStarting

        /// The value of the label `reason`.
        var label: String {
            switch self {
            case .refusedConnection: "refused_connection"
            case .connectTimedOut: "connect_timed_out"
            case .unreachable: "unreachable"
            case .closedBeforeResponse: "closed_before_response"
            case .malformedResponse: "malformed_response"
            case .upgradeNobodyAskedFor: "upgrade_nobody_asked_for"
            case .tooManyInterimResponses: "too_many_interim_responses"
            case .responseTimedOut: "response_timed_out"
            case .stillStarting: "still_starting"
            case .failedWhileStarting: "failed_while_starting"
            }
        }
    }

    var kind: Kind {
        switch self {
        case .refusedConnection: .refusedConnection
        case .connectTimedOut: .connectTimedOut
        case .unreachable, .handshakeFailed, .noResources: .unreachable
        case .closedBeforeResponse, .brokeBeforeResponse: .closedBeforeResponse
        case .malformedResponse: .malformedResponse
        case .upgradeNobodyAskedFor: .upgradeNobodyAskedFor
        case .tooManyInterimResponses: .tooManyInterimResponses
        case .responseTimedOut: .responseTimedOut
        case .stillStarting: .stillStarting
        case .failedWhileStarting: .failedWhileStarting
        }
    }

    package var status: ProxyStatus {
        switch self {
        case .connectTimedOut, .responseTimedOut, .stillStarting: .gatewayTimeout
        case .refusedConnection, .unreachable, .handshakeFailed, .noResources, .closedBeforeResponse, .brokeBeforeResponse, .malformedResponse,
            .upgradeNobodyAskedFor,
            .tooManyInterimResponses, .failedWhileStarting:
            .badGateway
        }
    }

    /// The sentence that the answer to the client shows.
    package var sentence: String {
        switch self {
        case .refusedConnection: "The backend refused the connection."
        case .connectTimedOut: "The backend did not accept the connection in time."
        case .unreachable: "The backend could not be reached."
        case .handshakeFailed: "No TLS connection could be made to the backend."
        case .noResources: "The proxy has no more connections to give."
        case .closedBeforeResponse: "The backend closed the connection without a response."
        case .brokeBeforeResponse: "The connection to the backend broke before a response."
        case .malformedResponse: "The backend's response was malformed."
        case .upgradeNobodyAskedFor: "The backend switched protocols in a way that nobody asked for."
        case .tooManyInterimResponses: "The backend sent too many interim responses."
        case .responseTimedOut: "The backend did not respond in time."
        case .stillStarting: "The backend is still starting."
        case .failedWhileStarting: "The backend ended before it was ready."
        }
    }

    /// The sentence for the log, which also says in what way a response was malformed.
    var detail: String {
        if case .malformedResponse(let violation) = self { "\(self.sentence) \(violation.sentence)" } else { self.sentence }
    }
}
