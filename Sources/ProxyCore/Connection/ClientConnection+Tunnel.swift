import NIOCore

/// After 101: bytes both ways until both sides have said their last word.
extension ClientConnection {
    func becomeTunnel() {
        self.phase = .tunnel(clientEnded: false, upstreamEnded: false)
        self.deadline = self.worker.limits.tunnelIdle.map { .now() + $0 } ?? .distantFuture
        self.exchange = nil
        self.outgoingHead = nil
        self.worker.metrics.tunnelsChange += 1
        self.worker.metrics.requestEnded(nanoseconds: (NIODeadline.now() - self.startedAt).nanoseconds)
        // Either side may have spoken before the other has heard that it may.
        let (early, waiting) = (self.upstreamInput, self.input)
        self.upstreamInput = ByteBuffer()
        self.input = ByteBuffer()
        if early.readableBytes > 0 { self.write(early) }
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
        self.write(buffer)
        self.noteTunnelBytes()
        if self.context?.channel.isWritable == false { self.upstream?.pauseReading() }
    }

    private func noteTunnelBytes() {
        guard self.deadline != .distantFuture, case .tunnel(let clientEnded, let upstreamEnded) = self.phase else { return }
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
            self.context?.close(mode: .output, promise: nil)
        }
    }
}
