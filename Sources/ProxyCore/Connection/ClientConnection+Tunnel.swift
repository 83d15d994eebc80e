import NIOCore

/// How far the proxy itself has come with ending a tunnel.
enum TunnelEnding {
    case none
    /// As soon as a frame of the backend's ends.
    case betweenFrames
    /// The client has been told; what the backend still says is not for it.
    case told
}

/// After 101: bytes both ways until both sides have said their last word.
extension ClientConnection {
    /// - Parameter isWebSocket: What goes through are frames of RFC 6455.
    func becomeTunnel(isWebSocket: Bool) {
        self.frames = isWebSocket ? WebSocketFrameScanner() : nil
        self.phase = .tunnel(clientEnded: false, upstreamEnded: false)
        self.deadline = self.worker.limits.tunnelIdle.map { .now() + $0 } ?? .distantFuture
        self.exchange = nil
        self.ended(status: 101)
        self.outgoingHead = nil
        self.countAsTunnel()
        self.worker.metrics.tunnelsChange += 1
        self.worker.metrics.requestEnded(nanoseconds: (NIODeadline.now() - self.startedAt).nanoseconds)
        // Either side may have spoken before the other has heard that it may.
        let (early, waiting) = (self.upstreamInput, self.input)
        self.upstreamInput = ByteBuffer()
        self.input = ByteBuffer()
        if early.readableBytes > 0 {
            self.frames?.advance(early.readableBytesUInt8Span)
            self.write(early)
        }
        if waiting.readableBytes > 0 { self.upstream?.write(waiting) }
        self.upstream?.flush()
        self.resumeReading()
    }

    func forwardTunnel(fromClient buffer: ByteBuffer) {
        guard let upstream else { return }
        upstream.write(buffer)
        self.noteTunnelBytes()
        if !upstream.isWritable { self.pauseReading() }
    }

    func forwardTunnel(fromUpstream buffer: ByteBuffer) {
        switch self.tunnelEnding {
        case .none: self.frames?.advance(buffer.readableBytesUInt8Span)
        case .betweenFrames: return self.endTunnel(behind: buffer)
        case .told: return
        }
        self.write(buffer)
        self.noteTunnelBytes()
        self.heedRoom()
    }

    private func noteTunnelBytes() {
        guard self.deadline != .distantFuture, self.tunnelEnding == .none, case .tunnel(let clientEnded, let upstreamEnded) = self.phase else { return }
        let limits = self.worker.limits
        if clientEnded || upstreamEnded {
            self.deadline = .now() + limits.halfClosedTunnelIdle
        } else if let limit = limits.tunnelIdle {
            self.deadline = .now() + limit
        }
    }

    /// Passes the end of one direction on, behind everything that went before it; the other direction stays open.
    func tunnelEnded(clientEnded: Bool, upstreamEnded: Bool) {
        guard case .tunnel(let clientHadEnded, let upstreamHadEnded) = self.phase else { return }
        self.phase = .tunnel(clientEnded: clientEnded, upstreamEnded: upstreamEnded)
        self.deadline = .now() + self.worker.limits.halfClosedTunnelIdle
        if clientEnded, upstreamEnded {
            self.upstream?.closeAfterFlush(within: self.worker.limits.writeIdle)
            self.upstream = nil
            self.closeAfterFlush()
        } else if clientEnded, !clientHadEnded {
            self.upstream?.closeOutput()
        } else if upstreamEnded, !upstreamHadEnded {
            self.flush()
            self.transport.closeOutput()
        }
    }

    // MARK: Ended by us

    /// How long a client may take to answer our close frame.
    private static let closingLimit: TimeAmount = .seconds(5)

    /// Ends the tunnel in the way of the protocol inside, where we know it. The client's answer still reaches the backend.
    func endTunnel() {
        guard case .tunnel = self.phase, self.tunnelEnding == .none else { return }
        guard let frames else { return self.close() }
        self.deadline = .now() + Self.closingLimit
        if frames.isBetweenFrames { self.tellRestart() } else { self.tunnelEnding = .betweenFrames }
    }

    private func endTunnel(behind buffer: ByteBuffer) {
        guard let length = self.frames?.advanceToBoundary(buffer.readableBytesUInt8Span) else { return self.write(buffer) }
        var buffer = buffer
        if let rest = buffer.readSlice(length: length), length > 0 { self.write(rest) }
        self.tellRestart()
    }

    private func tellRestart() {
        self.tunnelEnding = .told
        self.write(ByteBuffer(bytes: WebSocketFrame.serviceRestart))
        self.flush()
    }
}
