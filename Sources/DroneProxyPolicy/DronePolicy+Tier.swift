import NIOCore
import ProxyCore
import TierHop

/// Requests that the tier passes on, on a listener of their own. They name their backend in a field that the tier writes, whatever their host is.
extension DronePolicy {
    func resolveForTier(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        guard let hopSecret, let hop = HopField.read(fields, bytes, secret: hopSecret) else {
            return .answer(ProxyAnswer(.forbidden, "This port is for the tier.", refusal: .notOfTier))
        }
        let name = BackendNaming.Name(name: hop.backend, path: head.path, isByPath: false)
        let route: DroneRoute
        switch self.findKnown(bytes, name, after: lookup, at: now) {
        case .route(let known): route = known
        case .wait(let text): return .wait(forLookupOf: text)
        case .unreadable: return .fail(.proxy(.routesUnavailable))
        case .none:
            // It ran here according to the tier, which knows too little then, or an address that another drone has had: that is another answer in a moment.
            guard self.endedName == String(decoding: hop.backend.map { bytes[$0].lowercased }, as: UTF8.self) else {
                return self.answer(Self.notHere, head, fields, bytes)
            }
            return hop.admission == .open
                ? self.answerGone(head, fields, bytes)
                : self.answer(ProxyAnswer(.notFound, "There is no such backend.", refusal: .unknownBackend), head, fields, bytes)
        }
        guard hop.admission == .unchecked else { return .route(route, path: head.path, Notes.isAdmittedByTier) }
        return self.admit(head, fields, bytes, name, to: route, from: visitor, by: self.tierAccess, at: now)
    }

    private static let notHere = ProxyAnswer(
        .serviceUnavailable, "The backend is on another drone.", fields: "Retry-After: 1\r\n", refusal: .notHere)

    /// What the tier says about the visitor is kept, and so are all fields of a visitor whom the tier has admitted.
    func rewriteForTier(_ head: RequestHead, _ notes: RequestNotes) -> RequestRewriting {
        var rewriting = RequestRewriting()
        rewriting.forwarding = .kept
        rewriting.hiddenPrefix = HopField.prefix
        if !notes.contains(Notes.isAdmittedByTier) { self.hideToken(head, notes, &rewriting) }
        return rewriting
    }

    /// The tier takes a visitor's token out of the path, but for a static one, which the backend may know itself.
    func secret(inPathOf head: RequestHead, _ bytes: Span<UInt8>, from visitor: Visitor) -> Range<Int>? {
        visitor.isProxy ? PathToken.segment(in: head, bytes) : nil
    }

    // MARK: Forwarding

    /// Prepares a request that is passed on to the tier because its backend may be on another drone. A hop field of the visitor's is removed, and ours is added
    /// with the backend and the secret. The visitor's token is not checked and stays in the request: the backend's own drone checks it.
    func rewriteForwarded(_ rewriting: inout RequestRewriting) {
        rewriting.hiddenNames = [Self.hopName]
        rewriting.addsFields = true
    }

    private static let hopName = Array(HopField.name.description.utf8)

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: DroneRoute, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer
    ) {
        guard let hopSecret, let name = self.naming.name(head, bytes)?.name else { return }
        let backend = String(decoding: name.map { bytes[$0].lowercased }, as: UTF8.self)
        out.writeBytes(HopField.line(.unchecked, backend: backend, secret: hopSecret))
    }
}

extension RefusalReason {
    /// The request came to the tier's listener without the tier's secret.
    static let notOfTier = RefusalReason(label: "not_of_tier")
    /// The tier has looked for the backend on the wrong drone.
    static let notHere = RefusalReason(label: "not_here")
}
