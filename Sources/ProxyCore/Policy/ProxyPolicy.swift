package import NIOCore

/// Decides what a proxy does: which names exist, who may use them, where their requests go, and what visitors are told. The engine moves bytes and enforces
/// the rules of HTTP. It asks its policy at each phase of a request, as drawn in `dev/docs/proxy-phases.md`:
///
/// ```
///   resolve ──► select an endpoint ──► rewrite the request ──► forward ──► rewrite the response ──► log
///      └── wait for a lookup   └── hold        ▲                 └── failed: recover, or answer
///                                              └───── again ─────┘
/// ```
///
/// There is one policy for each event loop, called on that loop only, so it needs no lock. A call must not block. A request costs one call for each phase,
/// and none for each byte or read. The calls go through a protocol bound to classes, stored once for each loop, so they allocate and copy nothing. The engine
/// is not generic over its policy, because its sockets call it through protocols, whose implementations by a generic class are not specialized.
package protocol ProxyPolicy: AnyObject {
    /// What a name means to the policy. The engine carries it from one phase to the next.
    associatedtype Route: ProxyRoute

    /// The policy's own reasons for refusing requests, in addition to ``RefusalReason/engines``.
    var refusalReasons: [RefusalReason] { get }

    /// Whether a request that an endpoint has got may be sent to another one, as ``FailedAttempt/Retry/repeatable`` says. Heads are kept for that.
    var repeatsElsewhere: Bool { get }

    /// Phase 1: what the request is for, and whether it may pass.
    ///
    /// - Parameters:
    ///   - lookup: The result of the lookup that this request waited for; nil when the request is seen for the first time. With a result the policy decides
    ///     by what it knows, and does not ask for the same lookup again.
    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution

    /// Looks `name` up, and reports the result by ``PolicyHost/lookedUp(_:anew:_:)`` after this has returned. Called once for all requests that wait for the
    /// name.
    ///
    /// - Parameter anew: Whether an answer from memory is not enough.
    func lookUp(_ name: String, anew: Bool)

    /// Called when the number of held requests has changed, by a positive or negative number.
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

    /// Called when the endpoint has failed before any of its response could be passed on.
    ///
    /// - Returns: How to go on. Where ``FailedAttempt/retry`` forbids another attempt the failure is answered, whatever is returned.
    func recover(from attempt: FailedAttempt, of route: Route, at endpoint: UpstreamPool) -> Recovery

    /// Phase 5: what the visitor sees of the response's head. Also called for interim heads.
    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: Route, to visitor: Visitor
    ) -> ResponseRewriting

    /// Writes whole lines behind the response's fields, where ``ResponseRewriting/addsFields`` says so.
    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: Route, to visitor: Visitor, into out: inout ByteBuffer)

    /// What the policy needs to know, in ``answer(to:_:on:)``, about a request that fails before it has an endpoint.
    func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes

    /// What a visitor is told about a request that failed.
    ///
    /// - Parameters:
    ///   - notes: What ``resolve(_:_:_:from:after:at:)`` or ``notes(on:_:_:)`` returned; empty where the request could not be read.
    ///   - route: Nil where the request has no route.
    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: Route?) -> ProxyAnswer

    /// Writes fields that every answer of the proxy itself has, as complete lines.
    func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer)

    /// A part of the path that is a secret, so that the access log has `[token]` in its place. Asked for only where there is an access log, which never
    /// has the query.
    func secret(inPathOf head: RequestHead, _ bytes: Span<UInt8>, from visitor: Visitor) -> Range<Int>?

    /// Phase 6: a request has ended, or has become a tunnel.
    ///
    /// - Parameter route: Nil where the request has no route.
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
    package func secret(inPathOf head: RequestHead, _ bytes: Span<UInt8>, from visitor: Visitor) -> Range<Int>? { nil }
    package func ended(_ request: EndedRequest, on route: Route?) {}
}

/// What a name means on one event loop. Made by the policy of that loop, and used on that loop only.
package protocol ProxyRoute: AnyObject {
    /// The name in logs, and the name for which requests are held.
    var name: String { get }
    /// Counts the open requests, streaming responses and upgraded connections of this route for the ``ActivitySink``; nil where nobody needs the count.
    var activity: ActivityCounter? { get }
}

/// Makes the policy of each event loop, and owns what these share.
package protocol ProxyPolicySource: Sendable {
    /// Called once for each event loop, on it.
    func makePolicy(for host: PolicyHost) -> any ProxyPolicy

    /// Called after the last request has ended.
    func shutDown() async throws
}
