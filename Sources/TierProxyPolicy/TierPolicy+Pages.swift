import NIOCore
import ProxyCore
import ProxyPages

/// What the tier answers by itself: to browsers pages, as the proxies of drones do; to other clients the status and no body, as Plane does.
extension TierPolicy {
    static let noToken = ProxyAnswer(.badRequest, "The address has no token.", refusal: .noToken)
    static let gone = ProxyAnswer(.gone, "The token is unknown, revoked or too old, or its backend has ended.", refusal: .tokenUnknown)
    static let foreignHost = ProxyAnswer(.forbidden, "The token is for another host name.", refusal: .foreignHost)
    static let notYet = ProxyAnswer(
        .serviceUnavailable, "The proxy does not know the backends yet.", fields: TierPolicy.retryAfter, refusal: .routesUnavailable)
    private static let unreachable = ProxyAnswer(.badGateway, "The backend's drone takes nothing from the tier.", refusal: .droneUnreachable)
    private static let retryAfter = "Retry-After: 1\r\n"

    static func withoutText(_ answer: ProxyAnswer) -> ProxyAnswer {
        var answer = answer
        answer.text = ""
        return answer
    }

    func answer(for backend: TierBackend) -> ProxyAnswer {
        switch backend.place {
        case .unreachable: Self.unreachable
        case .unknown where !self.directory.fleet.isCurrent: Self.notYet
        case .unknown, .ended, .starting, .ready: Self.gone
        }
    }

    /// - Parameter keepsText: Whether others than browsers get the text.
    func answer(
        _ answer: ProxyAnswer, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, keepsText: Bool = false
    ) -> Resolution {
        if answer.status.rawValue >= 400, let pages, self.notes(on: head, fields, bytes).contains(Notes.wantsPage) { return .answer(pages.page(for: answer)) }
        return .answer(keepsText ? answer : Self.withoutText(answer))
    }

    func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes {
        guard self.pages != nil, PagePreference.wantsPage(fields, bytes), !head.wantsUpgrade else { return Notes.none }
        guard head.framing == .none, head.isHEAD || bytes.equals(head.method, uppercase: "GET") else { return Notes.wantsPage }
        return Notes.wantsPage.union(Notes.mayReload)
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: TierRoute?) -> ProxyAnswer {
        var answer = ProxyAnswer(failure)
        switch failure {
        case .visitor: break
        case .proxy, .upstream(.stillStarting):
            answer.status = .serviceUnavailable
            answer.fields = Self.retryAfter
        case .upstream(.failedWhileStarting): answer.status = .gone
        case .upstream(.responseTimedOut): break
        // The drone's proxy is away; it is expected back soon.
        case .upstream:
            answer.status = .badGateway
            answer.fields = Self.retryAfter
        }
        guard let pages, notes.contains(Notes.wantsPage) else { return Self.withoutText(answer) }
        if failure == .upstream(.stillStarting), notes.contains(Notes.mayReload) {
            return pages.waiting(phase: nil, usually: self.pageHolds.usualStart.duration, refusal: answer.refusal)
        }
        return pages.page(for: answer)
    }

    // MARK: Waiting

    /// A page for a browser that has been held long enough, which asks again by itself. If a backend starts fast no such page is shown. How far the start is
    /// only the backend's drone knows.
    func waitingPage(for backend: TierBackend) -> ProxyAnswer? {
        guard let pages else { return nil }
        if pages.waitingAfter == .zero || self.pageHolds.overdue === backend {
            return pages.waiting(phase: nil, usually: self.pageHolds.usualStart.duration, refusal: nil)
        }
        guard !backend.isHeldForPage else { return nil }
        backend.isHeldForPage = true
        let bound = NIOLoopBound((self, backend), eventLoop: self.host.eventLoop)
        self.host.eventLoop.scheduleTask(in: TimeAmount(pages.waitingAfter)) {
            let (policy, backend) = bound.value
            policy.endHold(of: backend)
        }
        return nil
    }

    /// The first browser that waits for the backend has reached the limit. The others continue to wait for their own limits.
    private func endHold(of backend: TierBackend) {
        backend.isHeldForPage = false
        guard case .starting = backend.place else { return }
        self.pageHolds.overdue = backend
        self.host.routeChanged(backend.name, exists: true)
        self.pageHolds.overdue = nil
    }
}

/// What the pages of one event loop need to know of waiting visitors.
struct WaitingPages {
    /// The backend whose browsers have reached their time limit just now.
    var overdue: TierBackend?
    var usualStart = TypicalStart()
}
