import NIOCore

/// What happens when somebody lets us wait. The worker calls ``deadlinePassed()`` within half a second of the deadline.
extension ClientConnection {
    /// Sets the deadline of whatever the exchange waits for now.
    func armExchangeDeadline(_ now: NIODeadline) {
        guard let exchange else { return }
        let limit: TimeAmount =
            if exchange.awaitsHead {
                if exchange.requestIsSent {
                    self.worker.limits.response
                } else if self.upstream?.isWritable == false {
                    self.worker.limits.writeIdle
                } else {
                    self.worker.limits.requestBodyIdle
                }
            } else if !self.transport.isWritable {
                self.worker.limits.writeIdle
            } else {
                self.worker.limits.responseBodyIdle
            }
        self.deadline = now + limit
    }

    func deadlinePassed() {
        self.deadline = .distantFuture
        let waiting = RequestMachine.Waiting(
            awaitsRoom: self.awaitsRoom, hasInput: self.input.readableBytes > 0, awaitsResponse: self.exchange?.awaitsHead == true,
            isEndpointsTurn: self.exchange?.requestIsSent == true || self.upstream?.isWritable == false, isPaused: self.isPaused)
        switch self.request.deadlinePassed(waiting) {
        case .closeIdle: self.closeIdle()
        case .close: self.close()
        case .cutOff: self.cutOff()
        case .refuse(let failure): self.giveUp(failure)
        case .failPending(let failure, let name):
            if let name { self.worker.release(self, heldFor: name) }
            self.failPending(failure, of: name)
        case .failConnecting:
            self.dropUpstream()
            self.connectFailed(.connectTimedOut)
        case .failExchange: self.upstreamFailed(.responseTimedOut)
        case .ignore: break
        }
    }
}
