import CNGHTTP2
import NIOCore

/// How much the client may send, on the connection and on each stream (RFC 9113 §5.2).
extension HTTP2Connection {
    // MARK: Given back

    /// A backend has taken bytes of a request's body.
    func taken(_ count: Int, of stream: HTTP2Stream) {
        self.drop(count, of: stream)
        stream.credit += count
        guard stream.credit >= self.uploads.creditStep else { return }
        self.openWindow(of: stream)
    }

    /// Bytes of a stream's body are no longer needed: the client may send as many again.
    func drop(_ count: Int, of stream: HTTP2Stream) {
        guard count > 0, !self.isOver else { return }
        self.giveBack(self.uploads.released(count))
    }

    /// Opens the connection's window again, in steps (RFC 9113 §6.9). The library would do so by half of a window, and of what comes behind that half
    /// the client would hear a round trip later: it could send half a window in each.
    func giveBack(_ count: Int) {
        self.credit += count
        guard self.credit >= self.uploads.creditStep else { return }
        self.openWindow()
    }

    /// The client gets back all that it has sent on the connection but what is kept from it on purpose. That includes what no stream has seen, as padding and what
    /// comes on a stream that has ended: the library means to give those back, but forgets them as soon as anybody submits an update.
    private func openWindow() {
        guard !self.isOver, let session else { return }
        self.credit = 0
        let count = Int(nghttp2_session_get_effective_recv_data_length(session)) - self.uploads.withheld
        guard count > 0 else { return }
        nghttp2_submit_window_update(session, 0, 0, Int32(clamping: count))
        if !self.isInLibrary { self.deferTurn() }
    }

    /// What no stream has seen the library gives back when it makes half of `reach`. Once the windows have shrunk the client has less than that.
    func giveBackIgnored() {
        guard self.uploads.reach > self.uploads.size, let session else { return }
        let missing = Int(nghttp2_session_get_effective_recv_data_length(session)) - self.uploads.withheld
        if missing >= self.uploads.creditStep { self.openWindow() }
    }

    /// Likewise for a stream, whose bytes are kept from it until a backend has taken them.
    private func openWindow(of stream: HTTP2Stream) {
        guard !stream.inputHasEnded, !self.isOver, let session else { return }
        stream.credit = 0
        let count = Int(nghttp2_session_get_stream_effective_recv_data_length(session, stream.id)) - stream.input.readableBytes
        guard count > 0 else { return }
        nghttp2_submit_window_update(session, 0, stream.id, Int32(clamping: count))
        if !self.isInLibrary { self.deferTurn() }
    }

    // MARK: Their size

    func ping(_ kind: UInt8) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { data in
            data.initialize(repeating: 0)
            data[0] = kind
            _ = nghttp2_submit_ping(self.session, 0, data.baseAddress)
        }
    }

    func pingAnswered(_ kind: UInt8) {
        switch kind {
        case Self.farewellPing: self.writeFinalFrames()
        case Self.measuringPing: if self.uploads.measured() != nil { self.growWindows() }
        default: break
        }
    }

    private func growWindows() {
        nghttp2_session_set_local_window_size(self.session, 0, 0, Int32(clamping: self.uploads.reach))
        self.openWindow()
        self.announceWindows()
        self.becomeNoted(.now())
    }

    /// Nothing has been uploaded for a while. Windows of their first size are enough to begin with, and others may have the allowance.
    func shrinkWindows() {
        guard self.uploads.shrink() else { return }
        self.announceWindows()
        // What was not worth telling of a large window may be more than a small one.
        for stream in self.streams { self.openWindow(of: stream) }
        self.deferTurn()
    }

    /// The size of each stream's window.
    private func announceWindows() {
        var setting = nghttp2_settings_entry(
            settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(clamping: self.uploads.size))
        nghttp2_submit_settings(self.session, 0, &setting, 1)
        self.uploads.announced()
    }
}
