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

    /// A backend that is `Ready` but refuses may have ended, or moved, a moment ago: look once more before giving up.
    func connectFailed(_ failure: UpstreamFailure) {
        guard let route, route.activity != nil, !self.triedAgain, self.pendingHeadLength > 0, failure != .connectTimedOut else {
            return self.failExchange(failure)
        }
        self.endExchange()
        self.triedAgain = true
        self.phase = .looking(name: route.name)
        self.deadline = .now() + self.worker.limits.connect
        self.worker.look(up: route.name, for: self, rereading: true)
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
