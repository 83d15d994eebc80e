import CNGHTTP2

/// The options and callbacks with which all connections of HTTP/2 use libnghttp2.
///
/// The library is the codec and the state machine of RFC 9113 and RFC 7541. It knows no sockets and copies no bytes of bodies; ``HTTP2Connection`` drives it.
/// The library is told to check no fields, since the proxy's rules for them are stricter, the same as for HTTP/1.1, and lead to an answer instead of a reset.
///
/// Made once, and never changed afterwards, so any thread may read it.
struct HTTP2Library: @unchecked Sendable {
    static let shared = HTTP2Library()

    let options: OpaquePointer
    let callbacks: OpaquePointer

    /// A head from a backend may be as long as ``ProxyLimits/headBytes`` allows, at most 1 MiB, and the proxy adds some lines.
    private static let headerBlockLimit = 2 * 1024 * 1024

    /// How many frames may follow the first of a head. The largest head that ``ProxyLimits/headBytes`` can allow, 1 MiB, takes 64 of 16 KiB, and one that is
    /// somewhat larger is still read to its end, to be answered 431. None of it is kept beyond the limit.
    private static let continuationLimit = 72

    /// How many answers to SETTINGS and PING may wait to be sent. This is more than a ``FrameBudget`` allows, so that the budget ends such a connection,
    /// which tells the client why.
    private static let acknowledgementLimit = 4096

    private init() {
        var options: OpaquePointer?
        var callbacks: OpaquePointer?
        guard nghttp2_option_new(&options) == 0, let options, nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else {
            preconditionFailure("there is no memory for the options of libnghttp2")
        }
        self.options = options
        self.callbacks = callbacks
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_http_messaging(options, 1)
        nghttp2_option_set_max_send_header_block_length(options, Self.headerBlockLimit)
        nghttp2_option_set_builtin_recv_extension_type(options, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        nghttp2_option_set_max_continuations(options, Self.continuationLimit)
        nghttp2_option_set_max_outbound_ack(options, Self.acknowledgementLimit)
        // Frames of unknown types are ignored (RFC 9113 §4.1), but reported to us, because they cost tokens of the connection's ``FrameBudget``.
        for type in UInt8(NGHTTP2_CONTINUATION.rawValue) + 1...UInt8.max where UInt32(type) != NGHTTP2_PRIORITY_UPDATE.rawValue {
            nghttp2_option_set_user_recv_extension_type(options, type)
        }
        // Closed streams are only needed for the priorities of RFC 7540, which the proxy does not follow.
        nghttp2_option_set_no_closed_streams(options, 1)
        self.setReceiving()
        self.setSending()
    }

    private func setReceiving() {
        nghttp2_session_callbacks_set_on_begin_frame_callback(self.callbacks) { _, head, user in
            if let head { HTTP2Connection.with(user) { $0.frameBegins(head.pointee) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(self.callbacks) { _, frame, user in
            guard let frame else { return 0 }
            HTTP2Connection.with(user) {
                $0.headersBegin(stream: frame.pointee.hd.stream_id, areTrailers: frame.pointee.headers.cat != NGHTTP2_HCAT_REQUEST)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(self.callbacks) { _, _, name, nameLength, value, valueLength, _, user in
            HTTP2Connection.with(user) {
                $0.header(UnsafeBufferPointer(start: name, count: nameLength), UnsafeBufferPointer(start: value, count: valueLength))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(self.callbacks) { _, frame, user in
            if let frame { HTTP2Connection.with(user) { $0.frameReceived(frame) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(self.callbacks) { _, _, _, user in
            HTTP2Connection.with(user) { $0.spend(.wastedStream) }
            return 0
        }
        nghttp2_session_callbacks_set_unpack_extension_callback(self.callbacks) { _, _, _, _ in NGHTTP2_ERR_CANCEL.rawValue }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(self.callbacks) { _, _, stream, data, length, user in
            if let data { HTTP2Connection.with(user) { $0.dataReceived(stream: stream, data, length) } }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(self.callbacks) { _, stream, _, user in
            HTTP2Connection.with(user) { $0.streamClosed(stream) }
            return 0
        }
    }

    private func setSending() {
        nghttp2_session_callbacks_set_send_data_callback(self.callbacks) { _, _, head, length, source, user in
            guard let head, let stream = HTTP2Stream.of(source) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            HTTP2Connection.with(user) { $0.send(head, length, of: stream) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(self.callbacks) { _, frame, user in
            guard let head = frame?.pointee.hd, head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
                head.type == NGHTTP2_DATA.rawValue || head.type == NGHTTP2_HEADERS.rawValue
            else { return 0 }
            HTTP2Connection.with(user) { $0.endSent(stream: head.stream_id) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(self.callbacks) { _, frame, _, user in
            guard let frame, frame.pointee.hd.type == NGHTTP2_HEADERS.rawValue else { return 0 }
            HTTP2Connection.with(user) { $0.headNotSent(stream: frame.pointee.hd.stream_id) }
            return 0
        }
    }

    /// How the library asks ``HTTP2Connection`` for the next bytes of a response.
    static func dataProvider(_ stream: HTTP2Stream) -> nghttp2_data_provider {
        nghttp2_data_provider(source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque())) {
            _, _, _, length, flags, source, user in
            guard let flags, let stream = HTTP2Stream.of(source) else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            return HTTP2Connection.with(user) { $0.nextBytes(of: stream, atMost: length, &flags.pointee) } ?? Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
    }
}

extension HTTP2Connection {
    /// Calls `body` with the connection that a callback is about. The connection lives longer than the library's session, so the calls, one for each field,
    /// need not count references.
    @inline(__always)
    @discardableResult
    static func with<Result>(_ pointer: UnsafeMutableRawPointer?, _ body: (HTTP2Connection) -> Result) -> Result? {
        guard let pointer else { return nil }
        return Unmanaged<HTTP2Connection>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }
}

extension HTTP2Stream {
    /// The stream that a callback wants bytes of. Its connection keeps it until the library says that it is closed.
    @inline(__always)
    static func of(_ source: UnsafeMutablePointer<nghttp2_data_source>?) -> HTTP2Stream? {
        guard let pointer = source?.pointee.ptr else { return nil }
        return Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
    }
}
