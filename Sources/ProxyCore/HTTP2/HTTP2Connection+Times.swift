import CNGHTTP2
import NIOCore

/// What happens to a connection of HTTP/2 because time goes by.
extension HTTP2Connection {
    // MARK: Idle

    func becomeNoted(_ now: NIODeadline) {
        if self.isNoted || self.isOver { return }
        self.isNoted = true
        self.worker.resting.note(self, at: now)
    }

    /// Called some time after the connection had no stream, or its windows have grown. If it is idle, it gives back memory that it does not need meanwhile;
    /// if nothing is uploaded, the size of its windows.
    func rest(at now: NIODeadline) {
        self.isNoted = false
        guard !self.isOver else { return }
        if self.hasUploads { self.hasUploads = false } else { self.shrinkWindows() }
        if self.uploads.haveGrown { self.becomeNoted(now) }
        guard self.streams.isEmpty else { return }  // it will be noted again
        guard self.isIdle, self.idleSince + RestingConnections.delay <= now, self.output.readableBytes == 0, !self.isInLibrary,
            nghttp2_session_want_write(self.session) == 0
        else { return self.becomeNoted(now) }
        self.memory.giveBack()
        self.streams = []
        self.fed = []
        self.drained = []
    }

    var isIdle: Bool { self.streams.isEmpty && self.headersBeganAt == nil && self.blockedAt == nil }

    // MARK: Deadlines

    func updateDeadline() {
        guard !self.isOver else { return }
        self.client.deadline = self.nextDeadline
    }

    private var nextDeadline: NIODeadline {
        let limits = self.worker.limits
        var next = NIODeadline.distantFuture
        if !self.hasSpoken { next = self.beganAt + limits.requestHead }
        if let headersBeganAt { next = min(next, headersBeganAt + limits.requestHead) }
        if let blockedAt { next = min(next, blockedAt + limits.writeIdle) }
        if let begun = self.goAway.begunAt, !self.goAway.isFinal { next = min(next, begun + limits.goAway) }
        if let endsAwaitedSince { next = min(next, endsAwaitedSince + limits.linger) }
        if self.streams.isEmpty, self.hasSpoken, self.goAway.begunAt == nil { next = min(next, self.idleSince + limits.keepAlive) }
        if self.streams.isEmpty, self.goAway.isFinal { next = min(next, .now() + limits.linger) }
        return next
    }

    /// A time limit has passed, or this connection is idle and has to make room for others.
    func deadlinePassed(_ now: NIODeadline = .now()) {
        guard !self.isOver else { return }
        let limits = self.worker.limits
        if let blockedAt, blockedAt + limits.writeIdle <= now { return self.client.cutOff() }
        if !self.hasSpoken { return self.client.closeLingering() }
        if let headersBeganAt, headersBeganAt + limits.requestHead <= now {
            nghttp2_session_terminate_session(self.session, UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue))
            self.headersBeganAt = nil
            return self.deferTurn()
        }
        if let endsAwaitedSince, endsAwaitedSince + limits.linger <= now {
            self.resetStreamsWithoutEnd()
            return self.deferTurn()
        }
        if self.goAway.isFinal, self.streams.isEmpty { return self.client.closeLingering() }
        if self.goAway.begunAt != nil { self.writeFinalFrames() } else { self.quiesce() }
    }
}
