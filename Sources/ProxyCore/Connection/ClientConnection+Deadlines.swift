import NIOCore

/// What happens when somebody lets us wait. The worker calls ``deadlinePassed()`` within half a second of the deadline.
extension ClientConnection {
    /// Sets the deadline of whatever the exchange waits for now.
    func armExchangeDeadline(_ now: NIODeadline) {
        guard let exchange else { return }
        let limit: TimeAmount =
            if exchange.awaitsHead {
                if exchange.requestIsSent { self.worker.limits.response }
                else if self.upstream?.isWritable == false { self.worker.limits.writeIdle }
                else { self.worker.limits.requestBodyIdle }
            } else if !self.transport.isWritable {
                self.worker.limits.writeIdle
            } else {
                self.worker.limits.responseBodyIdle
            }
        self.deadline = now + limit
    }

    func deadlinePassed() {
        self.deadline = .distantFuture
        switch self.phase {
        case .head:
            if self.awaitsRoom { return self.cutOff() }
            if self.input.readableBytes == 0 { return self.closeIdle() }
            self.giveUp(.slowHead)
        case .looking:
            self.phase = .head
            self.failPending(.proxy(.lookupTimedOut))
        case .holding(let name):
            self.worker.release(self, heldFor: name)
            self.phase = .head
            self.failPending(.upstream(.stillStarting))
        case .exchanging:
            guard let exchange, exchange.awaitsHead else { return self.cutOff() }
            if exchange.requestIsSent || self.upstream?.isWritable == false {
                self.upstreamFailed(.responseTimedOut)
            } else {
                self.giveUp(.slowBody)
            }
        case .connecting:
            self.dropUpstream()
            self.connectFailed(.connectTimedOut)
        case .closed: break
        case .http2: if self.isPaused { self.cutOff() } else { self.close() }
        case .tunnel, .lingering: self.close()
        }
    }
}
