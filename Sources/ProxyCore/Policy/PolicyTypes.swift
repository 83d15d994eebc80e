package import NIOCore

/// Who sends a request.
package struct Visitor: Sendable {
    /// Nil for a client without an IP address.
    package var address: AddressKey?
    /// Whether the client's connection to the proxy uses TLS.
    package var isHTTPS: Bool
    /// Whether the connection came to a listener that is for proxies of this system (``ProxyListener/isInner``).
    package var isProxy = false
    /// Whether the request came on a stream of HTTP/2.
    package var isHTTP2 = false
}

/// Up to 64 bits in which a policy keeps what it has found out about a request, from resolving it to its response.
package struct RequestNotes: OptionSet, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// What the policy decides about a request.
package enum Resolution {
    /// - Parameter path: Path and query for the endpoint, as a part of the head's bytes. If there is no slash at the beginning, the engine adds one.
    case route(any ProxyRoute, path: Range<Int>, RequestNotes)
    /// The proxy answers the request itself.
    case answer(ProxyAnswer)
    case fail(RequestFailure)
    /// The policy has to look this name up. It sees the request again afterwards.
    case wait(forLookupOf: String)
}

/// The result of a lookup.
package enum LookupOutcome: Sendable {
    /// The policy now knows about the name, or knows that there is no such name.
    case answered
    case failed
}

/// Which endpoint a request goes to, if any.
package enum Selection {
    case endpoint(UpstreamPool)
    /// There will be an endpoint soon: the request waits until the policy says that its route has changed, at most for ``ProxyLimits/hold``.
    case hold
    case answer(ProxyAnswer)
}

/// What to do after an endpoint has failed.
package enum Recovery {
    /// Answer the request with the failure.
    case giveUp
    /// Resolve and select again without a lookup: the policy has another endpoint.
    case selectAgain
    /// Look the route's name up again, then resolve and select again.
    case lookUpAgain
}

/// An endpoint's failure before it gave a response, as the policy is told of it.
package struct FailedAttempt: Sendable {
    package enum Retry: Sendable {
        /// No byte of the request has been sent to any endpoint, so another one may get it, whatever the request does.
        case allowed
        /// The request has been sent, but has no body, and sending it twice has the same effect as once (RFC 9110 §9.2.2). Only used where
        /// ``ProxyPolicy/repeatsElsewhere`` is true.
        case repeatable
        /// The request has been sent and must not be repeated, or as many endpoints have failed for it as the engine tries.
        case forbidden
    }

    package var failure: UpstreamFailure
    /// How many endpoints had failed for this request before.
    package var number: Int
    package var retry: Retry
    /// The endpoint had got all of the request, so its failure is not about an upload that it did not want.
    package var hasWholeRequest = false
}

/// A request that has ended, or has become a tunnel.
package struct EndedRequest: Sendable {
    /// 0 when the visitor went away before there was a response.
    package var status: Int
    /// From the end of the request's head to the last byte of its response.
    package var duration: TimeAmount
    /// Why the request was not served; nil where an endpoint's response was passed on, or the policy answered.
    package var failure: RequestFailure?
}

/// An answer that the proxy gives itself.
package struct ProxyAnswer: Sendable {
    package enum Form: Sendable {
        /// A line of text for people, with the id of the request, and with `Cache-Control: no-store`.
        case page
        /// The text as it is, with its content type if it has one, and no other fields.
        case bare
    }

    package var status: ProxyStatus
    /// The text for the user of the browser; empty for none.
    package var text: String
    package var contentType: StaticString = "text/plain; charset=utf-8"
    /// Additional fields, as complete lines.
    package var fields: String
    /// How the metrics count this refusal; nil where the request got what it asked for.
    package var refusal: RefusalReason?
    package var form = Form.page

    package init(_ status: ProxyStatus, _ text: String, fields: String = "", refusal: RefusalReason?) {
        self.status = status
        self.text = text
        self.fields = fields
        self.refusal = refusal
    }
}

/// What the endpoint sees of a request's head, apart from the path.
package struct RequestRewriting: Sendable {
    /// The `Authorization` field was meant for the proxy, and is dropped.
    package var hidesAuthorization = false
    /// The name of the cookie that is meant for the proxy, and removed from the `Cookie` fields; nil removes none.
    package var hiddenCookie: StaticString?
    package var forwarding = RequestHeadWriter.ForwardingFields.replaced
    /// Fields whose names begin like this are dropped, also with underscores for hyphens. In lower case and with hyphens.
    package var hiddenPrefix: StaticString?
    /// Fields with these names, in lower case, are dropped. Only for names that HTTP and the rules above do not treat in their own way.
    package var hiddenNames: [[UInt8]] = []
    /// The value of the field `Host`, in place of the visitor's.
    package var host: [UInt8]?
    /// Whether ``ProxyPolicy/addRequestFields(_:_:for:to:from:into:)`` is called to write more fields.
    package var addsFields = false

    package init() {}
}

/// What a visitor sees of a response's head.
package struct ResponseRewriting: Sendable {
    /// Restricts the cookies that the endpoint may set; nil for no restriction, and for a response that sets none.
    package var cookieRules: SetCookieRules?
    /// Complete lines that are put behind the fields.
    package var addedFields: [UInt8]?
    /// The name of a field that is dropped, in lower case.
    package var hiddenField: StaticString?
    /// Whether ``ProxyPolicy/addResponseFields(_:_:_:of:to:into:)`` is called to write more fields.
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
