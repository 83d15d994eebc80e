/// Why a request was not served, and whose fault that was.
package enum RequestFailure: Equatable, Sendable {
    /// What the visitor sent cannot be served, whoever asks whom.
    case visitor(VisitorFailure)
    case upstream(UpstreamFailure)
    /// We could not find out where to send it.
    case proxy(LookupFailure)

    package var status: ProxyStatus {
        switch self {
        case .visitor(let failure): failure.status
        case .upstream(let failure): failure.status
        case .proxy(let failure): failure.status
        }
    }

    /// For the person in front of the browser.
    package var sentence: String {
        switch self {
        case .visitor(let failure): failure.sentence
        case .upstream(let failure): failure.sentence
        case .proxy: "The proxy could not look the backend up."
        }
    }

    /// For the log.
    var detail: String {
        if case .upstream(let failure) = self { failure.detail } else { self.sentence }
    }

    /// How the metrics count a request that was not offered to an endpoint because of this.
    var refusal: RefusalReason {
        switch self {
        case .visitor(let failure): failure.refusal
        case .upstream: .backendUnavailable
        case .proxy: .routesUnavailable
        }
    }
}

/// What a visitor can do wrong.
package enum VisitorFailure: Equatable, Sendable {
    /// Nobody knows where its next request would begin.
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

/// Why nobody can say where a request goes.
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
    /// What the engine says about a failure by itself.
    package init(_ failure: RequestFailure) {
        self.init(failure.status, failure.sentence, refusal: failure.refusal)
    }
}
