import NIOCore

/// WebSockets whose backend may be frozen.
///
/// The kernel takes what is sent to a frozen backend, until its buffers are full; then nothing more is read from the visitor. Pings are not sent on: the proxy
/// answers them, so that a visitor who sends one every few seconds neither wakes the backend nor takes it for dead.
extension ClientConnection {
    /// There is traffic in this tunnel. If the backend may be frozen, it is told that it is wanted.
    func noteTraffic() {
        guard let activity, self.worker.activity.noteTraffic(activity) else { return }
        self.worker.want(activity)
    }

    func noteTraffic(fromUpstream buffer: ByteBuffer) {
        guard let traffic, traffic.backendSent(buffer.readableBytesUInt8Span) else { return }
        self.noteTraffic()
    }

    /// Notes what the visitor has sent, and answers its pings while the backend is frozen.
    ///
    /// - Returns: What is sent on to the backend; empty for nothing.
    func withoutAnsweredPings(_ buffer: ByteBuffer) -> ByteBuffer {
        guard let traffic else { return buffer }
        let sorted = traffic.visitorSent(buffer, answersPings: self.answersPings(traffic))
        if sorted.hasTraffic { self.noteTraffic() }
        // For a visitor who sends pings and reads no answers, those are dropped: only the last one need be answered (RFC 6455 §5.5.3).
        if sorted.pong.readableBytes > 0, self.hasRoom() { self.write(sorted.pong) }
        return sorted.forwarded
    }

    /// Answers a ping that was sent on, if the backend has been frozen before it could. When the backend goes on it answers too, which does no harm: a pong
    /// that nobody has asked for is ignored (RFC 6455 §5.5.3).
    func giveOwedPong() {
        guard let traffic, self.answersPings(traffic), let pong = traffic.takeOwedPong(), self.hasRoom() else { return }
        self.write(pong)
        self.flush()
    }

    /// A frame of the proxy may only be put between two frames of the backend.
    private func answersPings(_ traffic: TunnelTraffic) -> Bool {
        guard self.activity?.hold == .frozen, let tunnel = self.request.tunnel else { return false }
        return tunnel.ending == .none && !tunnel.isHalfClosed && traffic.isBetweenBackendFrames
    }
}
