import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// A new connection to a backend, and what follows when there is none to be had.
extension ClientConnection {
    func connect(to pool: UpstreamPool) {
        guard let context else { return }
        self.phase = .connecting
        self.deadline = .distantFuture  // the connect below has its own limit
        self.dropUpstream()
        self.worker.metrics.upstreamConnections += 1
        let upstream = NIOLoopBound(UpstreamConnection(pool: pool, client: self), eventLoop: context.eventLoop)
        let marks = self.worker.limits.writeBufferBytes
        ClientBootstrap(group: context.eventLoop)
            .connectTimeout(self.worker.limits.connect)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.recvAllocator, value: self.worker.limits.readAllocator)
            .channelOption(.writeBufferWaterMark, value: .init(low: marks.lowerBound, high: marks.upperBound))
            .channelOption(.socketOption(.so_rcvbuf), value: .init(self.worker.limits.upstreamReceiveBufferBytes))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(upstream.value)
                }
            }
            .connect(to: pool.address)
            .assumeIsolated()
            .whenComplete { result in self.connected(upstream.value, result.map { _ in }) }
    }

    private func connected(_ upstream: UpstreamConnection, _ result: Result<Void, any Error>) {
        guard self.phase == .connecting else { return upstream.close() }
        switch result {
        case .success:
            self.upstream = upstream
            self.beginExchange(on: upstream, now: .now())
        case .failure(let error):
            self.connectFailed(UpstreamFailure(connecting: error))
        }
    }

    /// A backend that is `Ready` but refuses may have ended, or moved, a moment ago: look once more before giving up.
    private func connectFailed(_ failure: UpstreamFailure) {
        guard let route, route.activity != nil, !self.triedAgain, self.pendingHeadLength > 0, failure != .connectTimedOut else {
            return self.failExchange(failure)
        }
        self.endExchange()
        self.triedAgain = true
        self.phase = .looking
        self.deadline = .now() + self.worker.limits.connect
        self.worker.look(up: route.name, for: self, rereading: true)
    }
}

extension UpstreamFailure {
    init(connecting error: any Error) {
        switch error {
        case ChannelError.connectTimeout: self = .connectTimedOut
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .refusedConnection
        case let error as IOError where error.errnoCode == ETIMEDOUT: self = .connectTimedOut
        default: self = .unreachable
        }
    }
}
