import DequeModule
import EpollTransport
import NIOCore

/// One stream of a client's connection, with the bytes that wait on it in either direction. A ``ClientConnection`` serves its request as it serves those of
/// HTTP/1.1, and has the stream as its transport.
///
/// ```
///   HEADERS ──► fields ──────────────► ClientConnection ──► endpoint
///   DATA ─────► input, as far as the endpoint takes it ───►
///   HEADERS ◄── fields of its head ◄──                  ◄── endpoint
///   DATA ◄───── output, as far as windows allow ◄─────────
/// ```
final class HTTP2Stream {
    enum Response {
        case none
        /// The head has been handed to the library.
        case begun
        /// All of the response has been handed over.
        case ended
        /// The response has been given up.
        case reset

        var isEnded: Bool { if case .ended = self { true } else { false } }
    }

    let id: Int32
    /// Nil once the stream is closed, which breaks the reference cycle; so is `engine`.
    private(set) var connection: HTTP2Connection?
    private(set) var engine: ClientConnection?
    /// The stream's index in its connection's list.
    var place = 0

    // What belongs to the response
    @exclusivity(unchecked) private(set) var response = Response.none
    /// The next bytes to send. Mostly there are no others.
    @exclusivity(unchecked) private var first = ByteBuffer()
    @exclusivity(unchecked) private var rest = Deque<ByteBuffer>()
    @exclusivity(unchecked) private(set) var waitingBytes = 0
    /// The fields sent after the response's body, as lines.
    private(set) var trailers = ByteBuffer()
    /// The HTTP/2 library has asked for bytes when there were none, and has to be told when there are some.
    var isDeferred = false
    /// More bytes wait than the upper mark allows; see ``isWritable``.
    private(set) var isFull = false
    /// END_STREAM has been sent to the client.
    var hasSentEnd = false
    private let marks: Range<Int>

    // What belongs to the request
    /// Bytes of the request's body that no backend has taken yet.
    @exclusivity(unchecked) private(set) var input = ByteBuffer()
    /// Bytes that the stream's window is owed, and that have not been told to the client yet.
    @exclusivity(unchecked) var credit = 0
    private(set) var inputHasEnded = false
    /// The request's body has come, as long as its head had said. END_STREAM may be missing.
    var hasWholeBody = false
    private(set) var requestTrailers = ByteBuffer()

    init(_ id: Int32, on connection: HTTP2Connection, marks: Range<Int>) {
        self.id = id
        self.connection = connection
        self.marks = marks
    }

    func serve(_ engine: ClientConnection) {
        self.engine = engine
    }

    // MARK: The request's body

    /// Keeps bytes that the endpoint does not take now, in one piece of memory however small the parts are.
    func keep(_ bytes: ByteBuffer) {
        if self.input.readableBytes == 0 { self.input = bytes.compacted() } else { self.input.writeImmutableBuffer(bytes) }
    }

    func takeInput() -> ByteBuffer {
        defer { self.input = ByteBuffer() }
        return self.input
    }

    /// - Parameter trailers: The fields behind the body, as lines.
    func endInput(trailers: ByteBuffer) {
        self.inputHasEnded = true
        self.requestTrailers = trailers
    }

    // MARK: The response

    func begin() {
        self.response = .begun
    }

    /// Whether the stream can take more of the response now.
    var isWritable: Bool { !self.isFull && self.connection != nil }

    func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0, case .begun = self.response else { return }
        if self.waitingBytes == 0 { self.first = bytes } else { self.rest.append(bytes) }
        self.waitingBytes += bytes.readableBytes
        if self.waitingBytes >= self.marks.upperBound { self.isFull = true }
    }

    /// The response is complete.
    ///
    /// - Parameter trailers: The fields behind the body, as lines.
    func end(trailers: ByteBuffer = ByteBuffer()) {
        guard case .begun = self.response else { return }
        self.response = .ended
        self.trailers = trailers
    }

    /// Moves the next bytes to the end of `out`.
    func move(_ count: Int, to out: inout ByteBuffer) {
        var left = count
        while left > 0 {
            let length = min(left, self.first.readableBytes)
            guard length > 0 else { break }
            self.first.withUnsafeReadableBytes { bytes in _ = out.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<length])) }
            left -= length
            if length == self.first.readableBytes {
                self.first = self.rest.popFirst() ?? ByteBuffer()
            } else {
                self.first.moveReaderIndex(forwardBy: length)
            }
        }
        self.waitingBytes -= count - left
    }

    /// Copies bytes that have to wait, so that they do not keep the memory of a whole read.
    func compact() {
        if self.first.readableBytes > 0 { self.first = self.first.compacted() }
        for index in self.rest.indices { self.rest[index] = self.rest[index].compacted() }
    }

    /// - Returns: True when there is room again after the stream was full.
    func becomesWritable() -> Bool {
        guard self.isFull, self.waitingBytes < self.marks.lowerBound else { return false }
        self.isFull = false
        return true
    }

    // MARK: The end

    /// Drops what has not been sent; no more bytes of the response follow.
    func forgetOutput() {
        self.response = .reset
        self.first = ByteBuffer()
        self.rest = []
        self.waitingBytes = 0
    }

    /// The library has closed the stream.
    ///
    /// - Returns: The connection that served it and has to be told; nil the second time.
    func closed() -> ClientConnection? {
        defer { self.engine = nil }
        self.connection = nil
        self.forgetOutput()
        return self.engine
    }
}

// MARK: As a transport

extension HTTP2Stream {
    /// Sends what was handed over.
    func flush() {
        self.connection?.flush(self)
    }

    /// Ends the stream: a complete response is sent to its end, any other is cut off.
    func finish() {
        switch self.response {
        case .ended, .reset: break
        case .none, .begun: self.reset(.internalError)
        }
        self.connection?.drop(self.takeInput().readableBytes, of: self)
    }

    enum ErrorCode: UInt32 {
        case noError = 0x0
        case protocolError = 0x1
        case internalError = 0x2
        case refused = 0x7
        case cancel = 0x8
        case enhanceYourCalm = 0xB
    }

    func reset(_ code: ErrorCode) {
        if case .reset = self.response { return }
        self.forgetOutput()
        self.connection?.reset(self.id, code)
    }
}
