import NIOCore
import ProxyCore

/// The policies of several clusters that one program serves. The host decides which policy gets a request, and its route keeps it there.
final class TierClustersPolicy: ProxyPolicy {
    /// By the clusters' indexes. The first one also gets requests whose host is below no cluster's name.
    private let policies: [TierPolicy]
    /// The longest cluster names first, since one may be below another.
    private let byLength: [TierPolicy]

    init(_ policies: [TierPolicy]) {
        self.policies = policies
        self.byLength = policies.sorted { $0.domainLength > $1.domainLength }
    }

    private func policy(_ head: RequestHead, _ bytes: Span<UInt8>) -> TierPolicy {
        for policy in self.byLength where policy.serves(head, bytes) { return policy }
        return self.policies[0]
    }

    private func policy(_ route: TierRoute) -> TierPolicy { self.policies[route.number] }

    var refusalReasons: [RefusalReason] { RefusalReason.tiers }

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        self.policy(head, bytes).resolve(head, fields, bytes, from: visitor, after: lookup, at: now)
    }

    func lookUp(_ name: String, anew: Bool) {
        guard let number = name.split(separator: ":").first.flatMap({ Int($0) }) else { preconditionFailure("what is looked up says whose it is") }
        self.policies[number].lookUp(name, anew: anew)
    }

    func selectEndpoint(of route: TierRoute, attempt: Int) -> Selection { self.policy(route).selectEndpoint(of: route, attempt: attempt) }

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: TierRoute,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        self.policy(route).rewriteRequest(head, fields, bytes, notes, for: route, to: endpoint, from: visitor)
    }

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: TierRoute, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer
    ) {
        self.policy(route).addRequestFields(head, bytes, for: route, to: endpoint, from: visitor, into: &out)
    }

    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: TierRoute, to visitor: Visitor
    ) -> ResponseRewriting {
        self.policy(route).rewriteResponse(head, fields, bytes, notes, of: route, to: visitor)
    }

    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: TierRoute, to visitor: Visitor, into out: inout ByteBuffer
    ) {
        self.policy(route).addResponseFields(head, fields, bytes, of: route, to: visitor, into: &out)
    }

    func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes {
        self.policy(head, bytes).notes(on: head, fields, bytes)
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: TierRoute?) -> ProxyAnswer {
        (route.map { self.policy($0) } ?? self.policies[0]).answer(to: failure, notes, on: route)
    }

    func secret(inPathOf head: RequestHead, _ bytes: Span<UInt8>, from visitor: Visitor) -> Range<Int>? {
        self.policy(head, bytes).secret(inPathOf: head, bytes, from: visitor)
    }

    func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer) {
        self.policies[0].addAnswerFields(status: status, to: visitor, into: &out)
    }
}
