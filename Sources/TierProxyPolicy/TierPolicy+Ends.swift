import NIOCore
import ProxyCore

/// What is open ends when its token does.
extension TierPolicy {
    /// Revocations that come within this time are looked for in one walk over what is open, so that many of them cost no more than one.
    private static let revocationDelay: TimeAmount = .milliseconds(10)
    /// Two walks over what is open are as far apart, however many tokens expire.
    private static let expiryInterval: TimeAmount = .seconds(1)

    /// Whether what is known of the token still counts.
    func isGood(_ route: TierRoute, at now: NIODeadline) -> Bool {
        guard !route.backend.isDetached, now < route.validUntil else { return false }
        let number = self.directory.revocationNumber
        guard route.revocationNumber != number, let token = route.token else { return true }
        guard !self.directory.isRevoked(token.grant, token.ownership, at: route.name) else { return false }
        route.revocationNumber = number
        return true
    }

    // MARK: Revocation

    func revoke(_ revocation: TierRevocation, _ done: @escaping @Sendable (Int) -> Void) {
        self.pendingRevocations.append(PendingRevocation(revocation: revocation, done: done))
        guard self.pendingRevocations.count == 1 else { return }
        let bound = NIOLoopBound(self, eventLoop: self.host.eventLoop)
        self.host.eventLoop.scheduleTask(in: Self.revocationDelay) { bound.value.endRevoked() }
    }

    private func endRevoked() {
        let pending = self.pendingRevocations
        self.pendingRevocations = []
        var numbers: [TierRevocation.Scope: Int] = [:]
        // Of two with one scope the later one ends all that the other does.
        for (number, entry) in pending.enumerated() {
            if let other = numbers[entry.revocation.scope], pending[other].revocation.mark.generation > entry.revocation.mark.generation { continue }
            numbers[entry.revocation.scope] = number
        }
        var counts = [Int](repeating: 0, count: pending.count)
        let total = self.host.endRequests { route in
            guard let route = self.own(route), let token = route.token else { return false }
            return token.ownership.isIn(route.name) { scope in
                guard let number = numbers[scope], pending[number].revocation.mark.ends(token.grant) else { return false }
                counts[number] += 1
                return true
            }
        }
        self.directory.ended(total, because: .revoked)
        // Whoever waits for the backend is looked at again.
        for backend in Set(pending.compactMap(\.revocation.backend)) { self.host.routeChanged(backend, exists: true) }
        for (entry, count) in zip(pending, counts) { entry.done(count) }
    }

    // MARK: Expiry

    /// What uses a token that is good until then is ended within a second afterwards.
    func endWhenExpired(at deadline: NIODeadline) {
        guard deadline < self.expiryClock.next else { return }
        self.expiryClock.next = deadline
        self.expiryClock.timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: self.host.eventLoop)
        self.expiryClock.timer = self.host.eventLoop.scheduleTask(deadline: max(deadline, self.expiryClock.last + Self.expiryInterval)) {
            bound.value.endExpired()
        }
    }

    private func endExpired() {
        let now = NIODeadline.now()
        self.expiryClock = ExpiryClock(last: now)
        var next = NIODeadline.distantFuture
        let count = self.host.endRequests { route in
            guard let expires = self.own(route)?.token?.grant.expires else { return false }
            if expires <= now { return true }
            next = min(next, expires)
            return false
        }
        self.directory.ended(count, because: .expired)
        if next != .distantFuture { self.endWhenExpired(at: next) }
    }
}

/// A revocation, and who waits for what comes of it.
struct PendingRevocation {
    let revocation: TierRevocation
    let done: @Sendable (Int) -> Void
}

/// When what is open is looked through for tokens that have expired.
struct ExpiryClock {
    /// The first token of those in use expires then.
    var next = NIODeadline.distantFuture
    var last = NIODeadline.uptimeNanoseconds(0)
    var timer: Scheduled<Void>?
}
