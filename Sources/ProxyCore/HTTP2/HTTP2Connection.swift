import CNGHTTP2
import EpollTransport
import Logging
import LogKeys
import NIOCore

/// A client's connection of HTTP/2: drives libnghttp2, gives each request to a ``ClientConnection`` of its own, and says when the connection ends.
///
/// Bytes from the client are given to the library as they come. What the library and the streams send is gathered in one buffer, which is written once in a
/// turn of the event loop, or when it is full. The library never keeps bytes of a body: those of a request are passed on as parts of what was read, those of
/// a response are copied once, from what was read to that buffer, in the order of their priority (RFC 9218). Pieces that are written without a copy would each
/// become a record of TLS, and small records cost more than copying does (dev/docs/proxy.md, HTTPS).
///
/// The library must not be entered for more input or output from one of its own callbacks; `isInLibrary` prevents that, and what such a call would have done
/// is done right after the library returns.
final class HTTP2Connection: ReadinessHandler {
    /// The library's state. It is deleted when the connection ends, or right after the library returns, if it is running then.
    var session: OpaquePointer?
    let memory = HTTP2SessionMemory()
    var isOver = false
    let worker: ProxyWorker
    /// The connection as a whole, as the worker counts it. It owns this object.
    unowned let client: ClientConnection
    @exclusivity(unchecked) var streams: [HTTP2Stream] = []
    @exclusivity(unchecked) private var budget: FrameBudget
    @exclusivity(unchecked) var uploads: UploadWindows
    /// Bytes that the connection's window is owed, and that have not been told to the client yet.
    @exclusivity(unchecked) var credit = 0
    /// Bytes of a request's body have come since the worker last looked.
    var hasUploads = false
    @exclusivity(unchecked) private var skipped = SkippedStreams()
    @exclusivity(unchecked) private var heads = FrameHeads()
    /// The client has used up its budget, and has been told so.
    private var isShutOut = false
    var goAway = HTTP2GoAway()

    // Input
    @exclusivity(unchecked) var isInLibrary = false
    /// The bytes being read, and where they are in memory.
    @exclusivity(unchecked) private var received = ByteBuffer()
    @exclusivity(unchecked) private var receivedBase: UnsafePointer<UInt8>?
    /// Decodes the fields of the current head; nil between two heads.
    @exclusivity(unchecked) private var reader: HTTP2RequestReader?
    /// The frame of DATA being read is more than padding.
    private var dataHasContent = false
    /// The head being read is that of a stream that has been refused.
    private var skipsHeaders = false
    /// The head being read is that of a stream that the limiter has counted already.
    private var hasAdmitted = false
    /// Connections whose endpoints were given bytes by the current read, and are flushed after it.
    @exclusivity(unchecked) var fed: [ClientConnection] = []

    // Output
    @exclusivity(unchecked) var output = ByteBuffer()
    /// When `output` has so many bytes it is written without waiting for the end of the turn.
    private static let outputLimit = 48 * 1024
    /// A frame and its head fit into one record of TLS.
    private static let frameLimit = 16 * 1024 - 9
    private var isDeferred = false
    /// Streams that can take more of their response again, and have not been told.
    @exclusivity(unchecked) var drained: [HTTP2Stream] = []

    // Times
    let beganAt: NIODeadline
    /// The client has sent frames of HTTP/2.
    var hasSpoken = false
    var headersBeganAt: NIODeadline?
    var blockedAt: NIODeadline?
    var idleSince: NIODeadline
    /// The worker will look whether the connection has become idle.
    var isNoted = false
    /// Since when END_STREAM is waited for on streams whose responses have been sent.
    var endsAwaitedSince: NIODeadline?

    static let farewellPing: UInt8 = 1
    static let measuringPing: UInt8 = 2

    init(_ client: ClientConnection, worker: ProxyWorker) {
        self.client = client
        self.worker = worker
        let now = NIODeadline.now()
        self.beganAt = now
        self.idleSince = now
        self.budget = FrameBudget(now: now)
        self.uploads = UploadWindows(limit: worker.limits.uploadWindowBytes, allowance: worker.uploads)
        let library = HTTP2Library.shared
        self.session = self.memory.makeSession(
            callbacks: library.callbacks, options: library.options, for: Unmanaged.passUnretained(self).toOpaque())
        precondition(self.session != nil, "there is no memory for a connection of HTTP/2")
        self.sendSettings()
        self.updateDeadline()
    }

    deinit {
        if let session { nghttp2_session_del(session) }
    }

    // MARK: Settings

    /// The connection preface (RFC 9113 §3.4).
    ///
    /// The library would end a connection whose client opens one stream too many. It is told of no limit, so that such a stream alone can be refused (RFC
    /// 9113 §5.1.2); the limit is written into the frame that the client gets.
    private func sendSettings() {
        // The size of a list counts 32 bytes more for each field than a head of text does, and a cookie may come as many fields.
        let listSize = self.worker.limits.headBytes + 64 * self.worker.limits.fieldCount
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(clamping: listSize)),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        nghttp2_submit_settings(self.session, 0, &settings, settings.count)
        var frame: UnsafePointer<UInt8>?
        let length = nghttp2_session_mem_send(self.session, &frame)
        guard length >= Self.frameHeadLength, let frame else { preconditionFailure("the first frame of a session is its settings") }
        let payload = UnsafeRawBufferPointer(start: frame + Self.frameHeadLength, count: length - Self.frameHeadLength)
        let entryLength = 6
        self.output.writeInteger(UInt8(0))
        self.output.writeInteger(UInt16(payload.count + entryLength))
        self.output.writeBytes(UnsafeRawBufferPointer(start: frame + 3, count: Self.frameHeadLength - 3))
        self.output.writeBytes(payload)
        self.output.writeInteger(UInt16(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue))
        self.output.writeInteger(UInt32(self.worker.limits.streams))
        self.deferTurn()
    }

    private static let frameHeadLength = 9

    // MARK: What comes

    func receive(_ buffer: ByteBuffer) {
        guard !self.isOver, let session, !self.isInLibrary else { return }
        self.isInLibrary = true
        self.received = buffer
        let count = buffer.withUnsafeReadableBytes { bytes in
            self.countIgnored(in: bytes)
            self.receivedBase = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return nghttp2_session_mem_recv(session, self.receivedBase, bytes.count)
        }
        self.received = ByteBuffer()
        self.receivedBase = nil
        self.isInLibrary = false
        self.flushFed()
        self.giveReaderBack()
        guard !self.isOver else { return self.deleteSession() }
        if count < 0 {
            // The client does not speak HTTP/2, makes the proxy queue answers without end, or sends a head without end.
            self.worker.logger.debug("connection of HTTP/2 failed", metadata: [LogKey.reason: "\(String(cString: nghttp2_strerror(Int32(count))))"])
            let isForeign = count == Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue)
            nghttp2_session_terminate_session(session, UInt32((isForeign ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM).rawValue))
            self.pump()
            self.writeOutput()
            return self.client.closeLingering()
        }
        self.giveBackIgnored()
        self.pump()
        if self.streams.isEmpty { self.becomeNoted(.now()) }
        self.updateDeadline()
    }

    /// Counts DATA on streams that have ended, which the library passes over. What was on its way when its stream ended comes in frames that are not worth
    /// counting, but for the smallest.
    private func countIgnored(in bytes: UnsafeRawBufferPointer) {
        self.heads.read(bytes) { head in
            guard UInt32(head.type) == NGHTTP2_DATA.rawValue, head.length < FrameBudget.worthwhileBytes, head.stream <= self.skipped.last,
                self.stream(head.stream) == nil
            else { return }
            self.spend(.controlFrame)
        }
    }

    private func flushFed() {
        if self.fed.isEmpty { return }
        let fed = self.fed
        self.fed.removeAll(keepingCapacity: true)
        for engine in fed { engine.flushUpstream() }
    }

    func frameBegins(_ head: nghttp2_frame_hd) {
        self.hasSpoken = true
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue:
            // The library ignores those of streams that have ended, and of those that come after the last one has been named.
            if self.goAway.isFinal || head.stream_id <= self.skipped.last, self.stream(head.stream_id) == nil { self.spend(.controlFrame) }
            if !self.skipped.begins(head.stream_id) { nghttp2_session_terminate_session(self.session, UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue)) }
        case NGHTTP2_DATA.rawValue: self.dataHasContent = false
        case NGHTTP2_RST_STREAM.rawValue: self.spend(.wastedStream)
        case NGHTTP2_CONTINUATION.rawValue: if head.length == 0 { self.spend(.controlFrame) }  // of others the library allows some
        // The library ignores frames with the priorities of RFC 7540, and so misses this error (RFC 9113 §6.3).
        case NGHTTP2_PRIORITY.rawValue where head.stream_id == 0:
            nghttp2_session_terminate_session(self.session, UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue))
        default: self.spend(.controlFrame)
        }
    }

    func spend(_ cost: FrameBudget.Cost) {
        guard !self.budget.spend(cost), !self.isShutOut else { return }
        self.isShutOut = true
        self.goAway.isFinal = true
        self.worker.logger.debug("connection of HTTP/2 failed", metadata: [LogKey.reason: "its client sends frames that mean nothing"])
        nghttp2_session_terminate_session(self.session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
    }

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = frame.pointee.hd
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue: self.headersEnd(stream: head.stream_id, endsStream: head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
        case NGHTTP2_DATA.rawValue:
            guard head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else {
                if !self.dataHasContent { self.spend(.controlFrame) }  // nothing, or only padding
                return
            }
            guard let stream = self.stream(head.stream_id) else { return }
            self.endInput(of: stream, trailers: ByteBuffer())
        case NGHTTP2_SETTINGS.rawValue: if head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { self.uploads.acknowledged() }
        case NGHTTP2_PING.rawValue:
            if head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { self.pingAnswered(frame.pointee.ping.opaque_data.0) }
        default: break
        }
    }

    // MARK: Requests

    func headersBegin(stream id: Int32, areTrailers: Bool) {
        self.skipsHeaders = areTrailers && self.stream(id) == nil
        if self.skipsHeaders { return }
        self.headersBeganAt = .now()
        if !areTrailers, !self.admitsStream() {
            self.skipsHeaders = true
            self.spend(.wastedStream)
            return self.reset(id, .refused)
        }
        if self.reader == nil { self.reader = self.worker.takeHTTP2Reader() }
        self.reader?.begin(isTrailers: areTrailers)
    }

    private func admitsStream() -> Bool {
        if self.streams.count >= self.worker.limits.streams { return false }
        if !self.hasAdmitted { self.hasAdmitted = self.worker.limiter.admitStream(of: self.client.visitor.address?.owner) }
        if !self.hasAdmitted { self.worker.metrics.connectionsRefused += 1 }
        return self.hasAdmitted
    }

    func header(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if self.skipsHeaders { return }
        self.reader?.take(name, value, limits: self.worker.limits)
    }

    private func headersEnd(stream id: Int32, endsStream: Bool) {
        self.headersBeganAt = nil
        guard !self.skipsHeaders, let reader else { return }
        if let stream = self.stream(id) { return self.trailersEnd(of: stream, reader, endsStream: endsStream) }
        let stream = HTTP2Stream(id, on: self, marks: self.worker.limits.writeBufferBytes)
        stream.place = self.streams.count
        self.streams.append(stream)
        nghttp2_session_set_stream_user_data(self.session, id, Unmanaged.passUnretained(stream).toOpaque())
        if endsStream { stream.endInput(trailers: ByteBuffer()) }
        if let priority = reader.priority, priority != StreamPriority() { self.setPriority(priority, of: id) }
        let engine = ClientConnection(worker: self.worker, role: .stream(client: self.client.visitor.address))
        stream.serve(engine)
        engine.begin(on: stream, of: self.client)
        self.hasAdmitted = false
        engine.serve(reader, endsStream: endsStream)
    }

    private func setPriority(_ priority: StreamPriority, of id: Int32) {
        var value = nghttp2_extpri(urgency: priority.urgency, inc: priority.isIncremental ? 1 : 0)
        nghttp2_session_change_extpri_stream_priority(self.session, id, &value, 0)
    }

    /// The trailers of a request have been decoded; they have to be the end of the stream (RFC 9113 §8.1).
    private func trailersEnd(of stream: HTTP2Stream, _ reader: HTTP2RequestReader, endsStream: Bool) {
        guard !stream.inputHasEnded else { return }
        do throws(HTTPViolation) {
            guard endsStream else { throw .malformedFieldName }
            self.endInput(of: stream, trailers: try reader.trailers().compacted())
        } catch {
            stream.engine?.abandonBody(error)
        }
    }

    private func endInput(of stream: HTTP2Stream, trailers: ByteBuffer) {
        guard !stream.inputHasEnded else { return }
        stream.endInput(trailers: trailers)
        guard let engine = stream.engine else { return }
        engine.forwardStreamBody()
        self.fed.append(engine)
    }

    /// Bytes of a request's body have come.
    func dataReceived(stream id: Int32, _ data: UnsafePointer<UInt8>, _ length: Int) {
        self.dataHasContent = true
        guard let stream = self.stream(id), let engine = stream.engine, let receivedBase,
            let bytes = self.received.getSlice(at: self.received.readerIndex + (data - receivedBase), length: length)
        else { return self.giveBack(length) }
        self.giveBack(self.uploads.received(length))
        self.hasUploads = true
        if self.uploads.isOverrun {
            self.drop(length, of: stream)
            stream.reset(.enhanceYourCalm)
            return engine.close()
        }
        if self.uploads.wantsMeasurement() { self.ping(Self.measuringPing) }
        engine.received(bytes, on: stream)
        if self.fed.last !== engine { self.fed.append(engine) }
    }

    func stream(_ id: Int32) -> HTTP2Stream? {
        guard let pointer = nghttp2_session_get_stream_user_data(self.session, id) else { return nil }
        return Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func giveReaderBack() {
        guard self.headersBeganAt == nil, let reader else { return }
        self.reader = nil
        self.worker.giveBack(reader)
    }

    // MARK: Responses

    /// - Parameter isFinal: False for an interim head.
    func submit(_ fields: UnsafeMutableBufferPointer<nghttp2_nv>, on stream: HTTP2Stream, isFinal: Bool, hasBody: Bool) {
        guard let session else { return }
        if !isFinal {
            nghttp2_submit_headers(session, 0, stream.id, nil, fields.baseAddress, fields.count, nil)
        } else if hasBody {
            stream.begin()
            var provider = HTTP2Library.dataProvider(stream)
            nghttp2_submit_response(session, stream.id, fields.baseAddress, fields.count, &provider)
        } else {
            stream.begin()
            stream.end()
            nghttp2_submit_response(session, stream.id, fields.baseAddress, fields.count, nil)
        }
    }

    /// The library has sent END_STREAM. What the client still sends of its request is not needed (RFC 9113 §8.1), and is refused by a reset of the stream.
    /// The library sends nothing on a stream after a reset has been submitted, so that must not happen while the last frame of the response waits.
    ///
    /// If its body is as long as its head has said, nothing is missing but END_STREAM, which many clients send in a frame of its own. Some take a reset before
    /// that for the failure of a request that has succeeded, so it is waited for.
    func endSent(stream id: Int32) {
        guard let stream = self.stream(id), !stream.hasSentEnd else { return }
        stream.hasSentEnd = true
        self.budget.earn(.responseSent)
        if stream.inputHasEnded { return }
        guard stream.hasWholeBody else { return self.reset(stream.id, .noError) }
        if self.endsAwaitedSince == nil { self.endsAwaitedSince = .now() }
    }

    /// Resets the streams whose END_STREAM was waited for.
    func resetStreamsWithoutEnd() {
        self.endsAwaitedSince = nil
        for stream in self.streams where stream.hasSentEnd && !stream.inputHasEnded { self.reset(stream.id, .noError) }
    }

    func reset(_ id: Int32, _ code: HTTP2Stream.ErrorCode) {
        guard let session else { return }
        nghttp2_submit_rst_stream(session, 0, id, code.rawValue)
        if !self.isInLibrary { self.deferTurn() }
    }

    /// The library could not send the head of a response, so the stream is reset.
    func headNotSent(stream id: Int32) {
        self.reset(id, .internalError)
    }

    /// Sends what the stream was given, at the end of the turn at the latest.
    func flush(_ stream: HTTP2Stream) {
        if stream.isDeferred, stream.waitingBytes > 0 || stream.response.isEnded {
            stream.isDeferred = false
            nghttp2_session_resume_data(self.session, stream.id)
        }
        self.pump()
        if stream.waitingBytes > 0 { stream.compact() }
    }

    func nextBytes(of stream: HTTP2Stream, atMost length: Int, _ flags: inout UInt32) -> Int {
        if self.output.readableBytes >= Self.outputLimit { return Int(NGHTTP2_ERR_PAUSE.rawValue) }
        let count = min(length, stream.waitingBytes, Self.frameLimit)
        let isLast = count == stream.waitingBytes && stream.response.isEnded
        guard count > 0 || isLast else {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if isLast {
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if stream.trailers.readableBytes > 0 {
                flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                self.submitTrailers(of: stream)
            }
        }
        return count
    }

    private func submitTrailers(of stream: HTTP2Stream) {
        let lines = stream.trailers
        var fields = ResponseFieldList()
        fields.addLines(lines.readableBytesUInt8Span)
        lines.withUnsafeReadableBytes { bytes in
            fields.withFields(status: nil, bytes, bytes) { fields in
                _ = nghttp2_submit_trailer(self.session, stream.id, fields.baseAddress, fields.count)
            }
        }
    }

    /// Writes a DATA frame, whose head the library has made.
    func send(_ head: UnsafePointer<UInt8>, _ length: Int, of stream: HTTP2Stream) {
        self.output.writeBytes(UnsafeRawBufferPointer(start: head, count: Self.frameHeadLength))
        stream.move(length, to: &self.output)
        if length >= FrameBudget.worthwhileBytes || stream.waitingBytes == 0 { self.budget.earn(.dataSent) }
        if stream.becomesWritable() { self.drained.append(stream) }
    }

    // MARK: What goes

    /// Lets the library write what it may, and writes its output to the client when there is much of it.
    private func pump() {
        guard !self.isOver, let session, !self.isInLibrary else { return }
        repeat {
            if !self.client.transport.isWritable { break }
            self.takeOutputMemory()
            self.isInLibrary = true
            var failure: Int32 = 0
            while self.output.readableBytes < Self.outputLimit {
                var data: UnsafePointer<UInt8>?
                let count = nghttp2_session_mem_send(session, &data)
                guard count > 0, let data else {
                    failure = Int32(min(0, count))
                    break
                }
                self.output.writeBytes(UnsafeRawBufferPointer(start: data, count: count))
            }
            self.isInLibrary = false
            guard !self.isOver else { return self.deleteSession() }
            if failure < 0 { return self.client.close() }
            if self.output.readableBytes < Self.outputLimit { break }
            self.writeOutput()
        } while !self.isOver
        self.reportDrained()
        if !self.isOver { self.deferTurn() }
    }

    private func reportDrained() {
        if self.drained.isEmpty { return }
        let drained = self.drained
        self.drained.removeAll(keepingCapacity: true)
        for stream in drained { stream.engine?.clientBecameWritable() }
    }

    private func takeOutputMemory() {
        if self.output.storageCapacity == 0 { self.output = self.worker.takeOutputBuffer() }
    }

    private func writeOutput() {
        guard self.output.readableBytes > 0 else { return }
        let output = self.output
        self.output = ByteBuffer()
        self.client.write(output)
        self.client.flush()
        self.worker.giveBack(outputBuffer: output)
    }

    func deferTurn() {
        if self.isDeferred { return }
        self.isDeferred = true
        self.worker.eventLoop.deferTurn(of: self)
    }

    func becameReady(_ events: ReadyEvents) {}

    func loopEnds() {}

    /// Called at the end of a turn of the event loop.
    func runDeferred() {
        // The loop cannot ask for another turn until this returns.
        repeat {
            self.pump()
            self.writeOutput()
        } while self.output.readableBytes > 0
        self.isDeferred = false
        guard !self.isOver, let session else { return }
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 { return self.client.closeLingering() }
        self.updateDeadline()
    }

    func transportBecameWritable() {
        self.blockedAt = nil
        self.pump()
        self.updateDeadline()
    }

    func transportBecameFull() {
        if self.blockedAt == nil { self.blockedAt = .now() }
        self.updateDeadline()
    }

    // MARK: The end

    func streamClosed(_ id: Int32) {
        guard let stream = self.stream(id) else { return }
        nghttp2_session_set_stream_user_data(self.session, id, nil)
        let last = self.streams.removeLast()
        if last !== stream {
            self.streams[stream.place] = last
            last.place = stream.place
        }
        self.drop(stream.takeInput().readableBytes, of: stream)
        stream.closed()?.streamClosed()
        guard self.streams.isEmpty else { return }
        self.idleSince = .now()
        self.becomeNoted(self.idleSince)
    }

    /// Tells the client to open no more streams, at first so that those it is opening are still served (RFC 9113 §6.8). The connection ends when all its
    /// streams have.
    func quiesce() {
        guard !self.isOver, self.goAway.begin(.now()) else { return }
        nghttp2_submit_shutdown_notice(self.session)
        self.ping(Self.farewellPing)
        self.deferTurn()
        self.updateDeadline()
    }

    /// Names the last stream that is served, once the client has acknowledged the end, or has not done so within ``ProxyLimits/goAway``.
    func writeFinalFrames() {
        guard !self.isOver, let session, self.goAway.end() else { return }
        nghttp2_submit_goaway(session, 0, nghttp2_session_get_last_proc_stream_id(session), UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
        if !self.isInLibrary { self.deferTurn() }
        self.updateDeadline()
    }

    /// The connection is closed, or will be at once: ends all streams.
    func end() {
        if self.isOver { return }
        self.isOver = true
        if self.hasAdmitted { self.worker.limiter.remove(self.client.visitor.address?.owner) }
        self.hasAdmitted = false
        self.uploads.end()
        let streams = self.streams
        self.streams = []
        for stream in streams { stream.closed()?.streamClosed() }
        self.output = ByteBuffer()
        // If the library is running, its caller deletes the session when it returns.
        if !self.isInLibrary { self.deleteSession() }
    }

    private func deleteSession() {
        if let session { nghttp2_session_del(session) }
        self.session = nil
    }
}
