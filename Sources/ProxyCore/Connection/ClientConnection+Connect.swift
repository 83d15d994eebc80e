import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// A new connection to a backend, and what follows when there is none to be had.
extension ClientConnection {
    func connect(to pool: UpstreamPool) {
        self.phase = .connecting
        self.deadline = .now() + self.worker.limits.connect
        self.dropUpstream()
        self.worker.metrics.upstreamConnections += 1
        do throws(IOError) {
            self.upstream = try UpstreamConnection(connectingTo: pool, for: self)
        } catch {
            self.connectFailed(UpstreamFailure(connecting: error))
        }
    }

    func upstreamConnected(_ upstream: UpstreamConnection) {
        guard upstream === self.upstream, self.phase == .connecting else { return upstream.close() }
        self.beginExchange(on: upstream, now: .now())
        self.flush()
    }

    func upstreamNotConnected(_ upstream: UpstreamConnection, _ error: (any Error)?) {
        guard upstream === self.upstream, self.phase == .connecting else { return }
        self.upstream = nil
        self.connectFailed(UpstreamFailure(connecting: error))
        self.flush()
    }

    /// One more endpoint has failed before anything was sent to it, or has not answered.
    func connectFailed(_ failure: UpstreamFailure) {
        switch self.recovery(from: failure) {
        case .giveUp:
            self.failExchange(failure)
        case .selectAgain:
            self.beginAgain()
            self.resume(after: .answered)
        case .lookUpAgain:
            guard let name = self.route?.name else { return self.failExchange(failure) }
            self.beginAgain()
            self.phase = .looking(name: name)
            self.deadline = .now() + self.worker.limits.connect
            self.worker.look(up: name, for: self, anew: true)
        }
    }

    /// Endpoints that one request is offered to, at most.
    private static let attemptLimit = 8

    /// What the policy makes of it.
    func recovery(from failure: UpstreamFailure) -> Recovery {
        guard let route, let endpoint else { return .giveUp }
        let isUntouched = self.pendingHeadLength > 0 && self.attempt + 1 < Self.attemptLimit
        let attempt = FailedAttempt(failure: failure, number: self.attempt, retry: isUntouched ? .allowed : .forbidden)
        let recovery = self.worker.policy.recover(from: attempt, ofCarried: route, at: endpoint)
        return isUntouched ? recovery : .giveUp
    }

    /// The request is as if nobody had been asked yet.
    private func beginAgain() {
        let attempt = self.attempt + 1
        self.endExchange()
        self.attempt = attempt
    }
}

extension UpstreamFailure {
    init(connecting error: (any Error)?) {
        switch (error as? IOError)?.errnoCode {
        case ECONNREFUSED: self = .refusedConnection
        case ETIMEDOUT: self = .connectTimedOut
        default: self = .unreachable
        }
    }
}
