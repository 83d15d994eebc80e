import NIOCore

/// Calls from the engine, which carries routes without knowing their type, to the policy that made them. Every route that the engine carries comes from the
/// policy of its event loop, so the cast is safe.
extension ProxyPolicy {
    @inline(__always)
    private func own(_ route: any ProxyRoute) -> Route { unsafeDowncast(route, to: Route.self) }

    func selectEndpoint(ofCarried route: any ProxyRoute, attempt: Int) -> Selection {
        self.selectEndpoint(of: self.own(route), attempt: attempt)
    }

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, forCarried route: any ProxyRoute,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        self.rewriteRequest(head, fields, bytes, notes, for: self.own(route), to: endpoint, from: visitor)
    }

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, forCarried route: any ProxyRoute, to endpoint: UpstreamPool, from visitor: Visitor,
        into out: inout ByteBuffer
    ) {
        self.addRequestFields(head, bytes, for: self.own(route), to: endpoint, from: visitor, into: &out)
    }

    func recover(from attempt: FailedAttempt, ofCarried route: any ProxyRoute, at endpoint: UpstreamPool) -> Recovery {
        self.recover(from: attempt, of: self.own(route), at: endpoint)
    }

    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, ofCarried route: any ProxyRoute,
        to visitor: Visitor
    ) -> ResponseRewriting {
        self.rewriteResponse(head, fields, bytes, notes, of: self.own(route), to: visitor)
    }

    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, ofCarried route: any ProxyRoute, to visitor: Visitor,
        into out: inout ByteBuffer
    ) {
        self.addResponseFields(head, fields, bytes, of: self.own(route), to: visitor, into: &out)
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, onCarried route: (any ProxyRoute)?) -> ProxyAnswer {
        self.answer(to: failure, notes, on: route.map { self.own($0) })
    }

    func ended(_ request: EndedRequest, onCarried route: (any ProxyRoute)?) {
        if let route { self.ended(request, on: self.own(route)) } else { self.ended(request, on: nil) }
    }
}
