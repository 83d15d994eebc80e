import NIOCore

/// What happens when a client or a backend is silent for too long. The worker calls ``deadlinePassed()`` within half a second of the deadline.
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
        if let limit = self.worker.limits.request, !exchange.requestIsSent { self.deadline = min(self.deadline, self.startedAt + limit) }
        if let limit = self.worker.limits.exchange { self.deadline = min(self.deadline, self.startedAt + limit) }
    }

    func deadlinePassed() {
        self.deadline = .distantFuture
        if let http2, self.request.carriesStreams { return http2.deadlinePassed() }
        // The response is complete, but the client does not take the rest of it.
        if let stream, self.request.isClosed { return stream.reset(.cancel) }
        if let limit = self.worker.limits.exchange, let exchange, self.request.isExchanging, NIODeadline.now() >= self.startedAt + limit {
            if exchange.awaitsHead { self.close() } else { self.cutOff() }
            return
        }
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
            self.upstreamFailed(.connectTimedOut)
        case .failExchange: self.upstreamFailed(.responseTimedOut)
        case .ignore: break
        }
    }
}
