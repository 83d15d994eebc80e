import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Opens a new connection to a backend, and decides what to do when that fails.
extension ClientConnection {
    /// - Parameter pool: The endpoint of the current request.
    func connect(to pool: UpstreamPool) {
        self.deadline = .now() + self.worker.limits.connect
        self.dropUpstream()
        self.worker.metrics.upstreamConnections += 1
        do throws(IOError) {
            self.upstream = try UpstreamConnection(connectingTo: pool, for: self)
        } catch {
            self.upstreamFailed(UpstreamFailure(connecting: error))
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
        self.upstreamFailed(UpstreamFailure(connecting: error))
        self.flush()
    }

    /// Called when an endpoint has failed before any of its response was passed on: the policy decides whether another one is tried.
    func upstreamFailed(_ failure: UpstreamFailure) {
        switch self.recover(from: failure) {
        case .answer:
            self.failExchange(failure)
        case .resolveAgain:
            self.takeBackRequest()
            self.resume(after: .answered)
        case .lookUp(let name):
            self.takeBackRequest()
            self.deadline = .now() + self.worker.limits.lookupLimit
            self.worker.lookUp(name, for: self, anew: true)
        }
    }

    /// Puts the request back into the state of one that has just been read, so that it can be sent to another endpoint.
    private func takeBackRequest() {
        self.dropUpstream()
        if var head = self.keptHead {
            head.writeImmutableBuffer(self.input)
            self.input = head
        }
        self.endExchange()
    }

    private func recover(from failure: UpstreamFailure) -> RequestMachine.RecoveryAction {
        let hasWholeRequest = self.request.isExchanging && self.exchange?.requestIsSent == true
        let attempt = self.request.failed(failure, isRepeatable: self.keptHead != nil, hasWholeRequest: hasWholeRequest)
        guard let offer = self.request.offer, let attempt else { return .answer }
        let recovery = self.worker.policy.recover(from: attempt, ofCarried: offer.route, at: offer.endpoint)
        return self.request.recover(from: attempt, by: recovery)
    }
}

extension UpstreamFailure {
    init(connecting error: (any Error)?) {
        guard let error = error as? IOError else {
            // Without an error the endpoint has closed the connection in the middle of the handshake of TLS.
            self = .handshakeFailed
            return
        }
        switch error.errnoCode {
        case ECONNREFUSED: self = .refusedConnection
        case ETIMEDOUT: self = .connectTimedOut
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EAGAIN: self = .noResources
        default: self = .unreachable
        }
    }
}
