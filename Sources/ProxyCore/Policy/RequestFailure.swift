/// Why a request was not served, and whose fault that was.
package enum RequestFailure: Equatable, Sendable {
    /// The request itself cannot be served, wherever it would go.
    case visitor(VisitorFailure)
    case upstream(UpstreamFailure)
    /// The proxy could not find out where to send the request.
    case proxy(LookupFailure)

    package var status: ProxyStatus {
        switch self {
        case .visitor(let failure): failure.status
        case .upstream(let failure): failure.status
        case .proxy(let failure): failure.status
        }
    }

    /// The explanation for the user of the browser.
    package var sentence: String {
        switch self {
        case .visitor(let failure): failure.sentence
        case .upstream(let failure): failure.sentence
        case .proxy: "The proxy could not look the backend up."
        }
    }

    /// The explanation for the log.
    var detail: String {
        if case .upstream(let failure) = self { failure.detail } else { self.sentence }
    }

    /// How the metrics count a request that no endpoint has got because of this failure.
    var refusal: RefusalReason {
        switch self {
        case .visitor(let failure): failure.refusal
        case .upstream: .backendUnavailable
        case .proxy: .routesUnavailable
        }
    }
}

/// What is wrong with a visitor's request.
package enum VisitorFailure: Equatable, Sendable {
    /// The request breaks the rules of HTTP, so nobody can tell where the next one would begin.
    case malformed(HTTPViolation)
    case slowHead
    case slowBody

    package var status: ProxyStatus {
        switch self {
        case .malformed(let violation): violation.status
        case .slowHead, .slowBody: .requestTimeout
        }
    }

    package var sentence: String {
        switch self {
        case .malformed(let violation): violation.sentence
        case .slowHead: "The request head did not arrive in time."
        case .slowBody: "The request body did not arrive in time."
        }
    }

    var refusal: RefusalReason {
        switch self {
        case .malformed(let violation): RefusalReason(violation)
        case .slowHead, .slowBody: .tooSlow
        }
    }
}

/// Why the proxy cannot find out where a request goes.
package enum LookupFailure: Equatable, Sendable {
    case routesUnavailable
    case lookupTimedOut

    package var status: ProxyStatus {
        switch self {
        case .routesUnavailable: .badGateway
        case .lookupTimedOut: .gatewayTimeout
        }
    }
}

extension ProxyAnswer {
    /// The answer that the engine gives when a policy has none of its own.
    package init(_ failure: RequestFailure) {
        self.init(failure.status, failure.sentence, refusal: failure.refusal)
    }
}
