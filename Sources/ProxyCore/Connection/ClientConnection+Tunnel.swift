import NIOCore

/// How far the proxy has come with ending a tunnel by itself, as when it stops.
enum TunnelEnding {
    case none
    /// The close frame is sent as soon as the backend's current frame ends.
    case betweenFrames
    /// The close frame has been sent; whatever the backend still sends is dropped.
    case told
}

/// After a response 101: forwards bytes in both directions until both sides have closed.
extension ClientConnection {
    /// - Parameter isWebSocket: What is tunnelled are frames of RFC 6455.
    func becomeTunnel(isWebSocket: Bool) {
        let route = self.request.route
        guard self.request.becomeTunnel(isWebSocket: isWebSocket) else { return }
        self.deadline = self.worker.limits.tunnelIdle.map { .now() + $0 } ?? .distantFuture
        self.exchange = nil
        self.ended(status: 101, of: route)
        self.outgoingHead = nil
        self.countAsTunnel(isWebSocket: isWebSocket)
        self.worker.metrics.tunnelsChange += 1
        self.worker.metrics.requestEnded(nanoseconds: (NIODeadline.now() - self.startedAt).nanoseconds)
        // Bytes that a side sent before the tunnel was open are forwarded first.
        let (early, waiting) = (self.upstreamInput, self.input)
        self.upstreamInput = ByteBuffer()
        self.input = ByteBuffer()
        if early.readableBytes > 0 {
            _ = self.request.tunnelRead(early.readableBytesUInt8Span)
            self.noteTraffic(fromUpstream: early)
            self.write(early)
        }
        if waiting.readableBytes > 0 { self.sendOn(waiting) }
        self.upstream?.flush()
        self.resumeReading()
    }

    func forwardTunnel(fromClient buffer: ByteBuffer) {
        guard let upstream else { return }
        self.sendOn(buffer)
        self.noteTunnelBytes()
        if !upstream.isWritable { self.pauseReading() }
    }

    func forwardTunnel(fromUpstream buffer: ByteBuffer) {
        switch self.request.tunnelRead(buffer.readableBytesUInt8Span) {
        case .forward:
            self.noteTraffic(fromUpstream: buffer)
            self.write(buffer)
            self.noteTunnelBytes()
            self.heedRoom()
        case .forwardAndTell(let length):
            var buffer = buffer
            if let rest = buffer.readSlice(length: length), length > 0 { self.write(rest) }
            self.reportRestart()
        case .drop: break
        }
    }

    private func sendOn(_ buffer: ByteBuffer) {
        guard self.traffic != nil else {
            self.upstream?.write(buffer)
            return
        }
        let rest = self.withoutAnsweredPings(buffer)
        if rest.readableBytes > 0 { self.upstream?.write(rest) }
    }

    private func noteTunnelBytes() {
        guard self.deadline != .distantFuture, let tunnel = self.request.tunnel, tunnel.ending == .none else { return }
        let limits = self.worker.limits
        if tunnel.isHalfClosed {
            self.deadline = .now() + limits.halfClosedTunnelIdle
        } else if let limit = limits.tunnelIdle {
            self.deadline = .now() + limit
        }
    }

    /// Forwards the end of one direction after everything that was sent before it; the other direction stays open.
    func passOn(_ end: RequestMachine.TunnelEnd) {
        self.deadline = .now() + self.worker.limits.halfClosedTunnelIdle
        if self.traffic != nil { self.noteTraffic() }
        switch end {
        case .both:
            self.upstream?.closeAfterFlush(within: self.worker.limits.writeIdle)
            self.upstream = nil
            self.closeAfterFlush()
        case .fromClient: self.upstream?.closeOutput()
        case .fromUpstream:
            self.flush()
            self.transport.closeOutput()
        case .repeated: break
        }
    }

    // MARK: Ended by us

    /// How long a client may take to answer our close frame.
    private static let closingLimit: TimeAmount = .seconds(5)

    /// Ends the tunnel: a WebSocket by a close frame, whose answer by the client still reaches the backend, and any other by closing it.
    func endTunnel() {
        switch self.request.endTunnel() {
        case .close: self.close()
        case .tell(let isNow):
            self.deadline = .now() + Self.closingLimit
            if isNow { self.reportRestart() }
        case .ignore: break
        }
    }

    /// Tells the client of a WebSocket that the policy no longer allows its route, by a close frame if the backend is not in the middle of a frame.
    /// ``endForPolicy(isTold:)`` has to follow in the same turn of the event loop.
    ///
    /// - Returns: Whether it is told.
    func tellEndForPolicy() -> Bool {
        guard case .tunnel(let tunnel) = self.request.state, let frames = tunnel.frames, frames.isBetweenFrames, !tunnel.upstreamEnded else { return false }
        if tunnel.ending != .told {
            self.write(ByteBuffer(bytes: WebSocketFrame.policyViolation))
            self.flush()
        }
        return true
    }

    /// Ends the tunnel or request because the policy no longer allows its route: a WebSocket that was told so in order, anything else by cutting it off. What
    /// the client sends from now on is dropped.
    func endForPolicy(isTold: Bool) {
        if self.request.isClosed { return }
        guard isTold, self.request.isTunnel else { return self.cutOff() }
        self.worker.metrics.tunnelsChange -= 1
        self.closeLingering()
    }

    private func reportRestart() {
        self.write(ByteBuffer(bytes: WebSocketFrame.serviceRestart))
        self.flush()
    }
}
