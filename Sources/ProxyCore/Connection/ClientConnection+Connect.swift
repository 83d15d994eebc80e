import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// A new connection to a backend, and what follows when there is none to be had.
extension ClientConnection {
    /// - Parameter pool: The endpoint of the request in hand.
    func connect(to pool: UpstreamPool) {
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
        guard upstream === self.upstream, self.request.isConnecting else { return upstream.close() }
        self.beginExchange(on: upstream, now: .now())
        self.flush()
    }

    func upstreamNotConnected(_ upstream: UpstreamConnection, _ error: (any Error)?) {
        guard upstream === self.upstream, self.request.isConnecting else { return }
        self.upstream = nil
        self.connectFailed(UpstreamFailure(connecting: error))
        self.flush()
    }

    /// One more endpoint has failed before anything was sent to it.
    func connectFailed(_ failure: UpstreamFailure) {
        switch self.recover(from: failure) {
        case .answer:
            self.failExchange(failure)
        case .resolveAgain:
            self.endExchange()
            self.resume(after: .answered)
        case .lookUp(let name):
            self.endExchange()
            self.deadline = .now() + self.worker.limits.connect
            self.worker.look(up: name, for: self, anew: true)
        }
    }

    /// A backend that has the request gives no response that can be passed on. Nobody else may have it now, but the policy learns of it.
    func upstreamFailed(_ failure: UpstreamFailure) {
        _ = self.recover(from: failure)
        self.failExchange(failure)
    }

    private func recover(from failure: UpstreamFailure) -> RequestMachine.RecoveryAction {
        guard let offer = self.request.offer, let attempt = self.request.failed(failure) else { return .answer }
        let recovery = self.worker.policy.recover(from: attempt, ofCarried: offer.route, at: offer.endpoint)
        return self.request.recover(from: attempt, by: recovery)
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
