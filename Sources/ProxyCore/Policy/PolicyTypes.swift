package import NIOCore

/// Who sends a request.
package struct Visitor: Sendable {
    /// Nil for a client without an address of the internet.
    package var address: AddressKey?
    /// The client speaks TLS to us, or a stream of such a connection.
    package var isHTTPS: Bool
    /// It has come to a listener that is for proxies of our own (``ProxyListener/isInner``).
    package var isProxy = false
}

/// Up to 64 bits in which a policy remembers, from resolving a request to its response, what it has found out about it.
package struct RequestNotes: OptionSet, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// What a request is for.
package enum Resolution {
    /// - Parameter path: Path and query as the endpoint is to see them, a part of the head's bytes. A slash is put before it where it lacks one.
    case route(any ProxyRoute, path: Range<Int>, RequestNotes)
    /// The request goes nowhere.
    case answer(ProxyAnswer)
    case fail(RequestFailure)
    /// Nobody knows yet: the policy is asked to look this name up, and sees the request again afterwards.
    case wait(forLookupOf: String)
}

/// What came of a lookup.
package enum LookupOutcome: Sendable {
    /// The policy knows what there is to know, which may be that there is nothing.
    case answered
    case failed
}

/// Where a request goes.
package enum Selection {
    case endpoint(UpstreamPool)
    /// There will be an endpoint: the request waits until the policy says that its route has changed, at most ``ProxyLimits/hold``.
    case hold
    case answer(ProxyAnswer)
}

/// What is done about an endpoint that failed.
package enum Recovery {
    /// The failure is answered.
    case giveUp
    /// Resolve and select again by what is known: the policy has another endpoint.
    case selectAgain
    /// Look the route's name up once more, then resolve and select again.
    case lookUpAgain
}

/// An endpoint that has failed before a response, as its policy is told.
package struct FailedAttempt: Sendable {
    package enum Retry: Sendable {
        /// No byte of the request has been sent to anybody, so another endpoint may have it, whatever it does.
        case allowed
        /// The request has been sent, but has no body, and twice is as good as once (RFC 9110 §9.2.2). Only where the policy
        /// ``ProxyPolicy/repeatsElsewhere``.
        case repeatable
        /// Bytes have been sent, or as many endpoints have failed as are tried for one request.
        case forbidden
    }

    package var failure: UpstreamFailure
    /// How many endpoints had failed for this request before.
    package var number: Int
    package var retry: Retry
    /// The endpoint had all of the request, so that what it did was no comment on an upload.
    package var hasWholeRequest = false
}

/// A request that has ended, or become a tunnel.
package struct EndedRequest: Sendable {
    /// 0 when the visitor went away before there was a response.
    package var status: Int
    /// From its head to the last byte of its response.
    package var duration: TimeAmount
    /// Why it was not served; nil where a response of the endpoint's was passed on, or the policy answered.
    package var failure: RequestFailure?
}

/// An answer of the proxy's own.
package struct ProxyAnswer: Sendable {
    package enum Form: Sendable {
        /// A line of text, for people, which nobody is to keep (`Cache-Control: no-store`), with the name of the request.
        case page
        /// The text as it is, with a type if there is any, and nothing else.
        case bare
    }

    package var status: ProxyStatus
    /// For the person in front of the browser; empty for none.
    package var text: String
    package var contentType: StaticString = "text/plain; charset=utf-8"
    /// Whole lines.
    package var fields: String
    /// Nil where the request got what it asked for.
    package var refusal: RefusalReason?
    package var form = Form.page

    package init(_ status: ProxyStatus, _ text: String, fields: String = "", refusal: RefusalReason?) {
        self.status = status
        self.text = text
        self.fields = fields
        self.refusal = refusal
    }
}

/// What an endpoint sees of a request beside its path.
package struct RequestRewriting: Sendable {
    /// The `Authorization` field was for us.
    package var hidesAuthorization = false
    /// The name of the cookie that is for us, and taken out of the `Cookie` fields; nil looks for none.
    package var hiddenCookie: StaticString?
    package var forwarding = RequestHeadWriter.ForwardingFields.replaced
    /// Fields with names that begin like this, in lower case and with hyphens, are dropped, also with underscores.
    package var hiddenPrefix: StaticString?
    /// Fields with these names, in lower case, are dropped; for those that no rule above and nothing in HTTP is about.
    package var hiddenNames: [[UInt8]] = []
    /// What the field `Host` says instead of what the visitor sent.
    package var host: [UInt8]?
    /// ``ProxyPolicy/addRequestFields(_:_:for:to:from:into:)`` writes some more.
    package var addsFields = false

    package init() {}
}

/// What a visitor sees of a response.
package struct ResponseRewriting: Sendable {
    /// What the endpoint may say about cookies; nil where it sets none, and for one that may say anything.
    package var cookieRules: SetCookieRules?
    /// Whole lines that are put behind the fields.
    package var addedFields: [UInt8]?
    /// The name of a field that is dropped, in lower case.
    package var hiddenField: StaticString?
    /// ``ProxyPolicy/addResponseFields(_:_:_:of:to:into:)`` writes some more.
    package var addsFields = false

    package init() {}
}

extension RequestHeadWriter {
    init(path: Range<Int>, _ rewriting: RequestRewriting) {
        self.path = path
        self.hidesAuthorization = rewriting.hidesAuthorization
        self.hiddenCookie = rewriting.hiddenCookie
        self.forwardingFields = rewriting.forwarding
        self.hiddenPrefix = rewriting.hiddenPrefix
        self.hiddenNames = rewriting.hiddenNames
        self.host = rewriting.host
    }
}
