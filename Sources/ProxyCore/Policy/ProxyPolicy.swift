package import NIOCore

/// What a proxy is for: which names there are, who may ask for them, where their requests go, and what is said to whom. The engine moves
/// bytes and keeps HTTP strict; it asks its policy at each phase of a request, drawn in `dev/docs/proxy-phases.md`:
///
/// ```
///   resolve ──► select an endpoint ──► rewrite the request ──► forward ──► rewrite the response ──► log
///      └── wait for a lookup   └── hold        ▲                 └── failed: recover, or answer
///                                              └───── again ─────┘
/// ```
///
/// There is one policy for each event loop, called on that loop only, so nothing in it needs a lock. No call may block, and none is
/// made for each byte or read: a request costs a call for each phase it passes. The calls go through a protocol bound to classes, stored
/// once for each loop, so no request allocates or copies for them. The engine is not generic over its policy: it is entered through
/// protocols of its sockets, whose implementations by a generic class are not specialized.
package protocol ProxyPolicy: AnyObject {
    /// What the policy makes of a name. The engine carries it from one phase to the next.
    associatedtype Route: ProxyRoute

    /// Reasons of the policy's own for refusing requests, beside ``RefusalReason/engines``.
    var refusalReasons: [RefusalReason] { get }

    /// Another endpoint may get a request that one has had, where ``FailedAttempt/Retry/repeatable`` says so. Their heads are kept for that.
    var repeatsElsewhere: Bool { get }

    /// Phase 1: what the request is for, and whether it may pass.
    ///
    /// - Parameters:
    ///   - lookup: What came of the lookup this request waited for; nil when it is seen for the first time. With an outcome the policy
    ///     decides by what it knows now, and does not ask for the same lookup again.
    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution

    /// Finds out what `name` means, and says so with ``PolicyHost/lookedUp(_:anew:_:)``, not before this has returned. Called once for all
    /// requests that wait for the name.
    ///
    /// - Parameter anew: What is remembered of the name is not to be trusted.
    func lookUp(_ name: String, anew: Bool)

    /// More (or fewer, if negative) requests are held until their route changes.
    func heldRequestsChanged(by change: Int)

    /// Phase 2: where the request goes.
    ///
    /// - Parameter attempt: 0, or how many endpoints have failed for this request before.
    func selectEndpoint(of route: Route, attempt: Int) -> Selection

    /// Phase 3: what the endpoint sees of the request's head.
    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: Route,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting

    /// Writes whole lines behind the request's fields, where ``RequestRewriting/addsFields`` says so.
    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: Route, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer)

    /// The endpoint failed before any of its response could be passed on.
    ///
    /// - Returns: What is done now. Where ``FailedAttempt/retry`` forbids another attempt it is given up whatever is returned.
    func recover(from attempt: FailedAttempt, of route: Route, at endpoint: UpstreamPool) -> Recovery

    /// Phase 5: what the visitor sees of the response's head, an interim one's too.
    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: Route, to visitor: Visitor
    ) -> ResponseRewriting

    /// Writes whole lines behind the response's fields, where ``ResponseRewriting/addsFields`` says so.
    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: Route, to visitor: Visitor, into out: inout ByteBuffer)

    /// What a policy has to remember of a request that fails before it has an endpoint, for ``answer(to:_:on:)``.
    func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes

    /// What a visitor is told about a request that failed.
    ///
    /// - Parameters:
    ///   - notes: Of ``resolve(_:_:_:from:after:at:)`` or ``notes(on:_:_:)``; nothing where the request could not be read.
    ///   - route: Nil where none was found.
    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: Route?) -> ProxyAnswer

    /// Writes the lines that every answer of the proxy's own has.
    func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer)

    /// Phase 6: a request has ended, or become a tunnel.
    ///
    /// - Parameter route: Nil where none was found.
    func ended(_ request: EndedRequest, on route: Route?)
}

extension ProxyPolicy {
    package var refusalReasons: [RefusalReason] { [] }
    package var repeatsElsewhere: Bool { false }
    package func heldRequestsChanged(by change: Int) {}
    package func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: Route, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer
    ) {}
    package func recover(from attempt: FailedAttempt, of route: Route, at endpoint: UpstreamPool) -> Recovery { .giveUp }
    package func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: Route, to visitor: Visitor
    ) -> ResponseRewriting { ResponseRewriting() }
    package func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: Route, to visitor: Visitor, into out: inout ByteBuffer
    ) {}
    package func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes { [] }
    package func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: Route?) -> ProxyAnswer { ProxyAnswer(failure) }
    package func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer) {}
    package func ended(_ request: EndedRequest, on route: Route?) {}
}

/// What a name means, as one event loop sees it. Belongs to its policy, and to that loop.
package protocol ProxyRoute: AnyObject {
    /// What logs call it, and what requests held for it wait for.
    var name: String { get }
    /// Counts what is open on this route, to be told to the ``ActivitySink``; nil where nobody asks.
    var activity: ActivityCounter? { get }
}

/// Makes the policies of all event loops, and owns what they share.
package protocol ProxyPolicySource: Sendable {
    /// Called once for each event loop, on it.
    func makePolicy(for host: PolicyHost) -> any ProxyPolicy

    /// No request is left, and none will come.
    func shutDown() async throws
}
