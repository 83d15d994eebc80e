import DequeModule
import EpollTransport
import NIOCore

/// One stream of a client's connection: what waits on it, in either direction. The request on it is served by a ``ClientConnection``, as one that
/// comes by HTTP/1.1 is, whose transport this is.
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
        /// Its head has been handed over.
        case begun
        /// All of it has been handed over.
        case ended
        /// It has been given up.
        case reset

        var isEnded: Bool { if case .ended = self { true } else { false } }
    }

    let id: Int32
    /// Nil once the stream is closed, which breaks the cycle; so is `engine`.
    private(set) var connection: HTTP2Connection?
    private(set) var engine: ClientConnection?
    /// Index in its connection's list.
    var place = 0

    // Of the response
    @exclusivity(unchecked) private(set) var response = Response.none
    /// The next bytes. Most of the time there are no others.
    @exclusivity(unchecked) private var first = ByteBuffer()
    @exclusivity(unchecked) private var rest = Deque<ByteBuffer>()
    @exclusivity(unchecked) private(set) var waitingBytes = 0
    /// Fields behind the body, as lines.
    private(set) var trailers = ByteBuffer()
    /// The library has asked for bytes when there were none, and waits to be told that there are.
    var isDeferred = false
    /// More waits than may; see ``isWritable``.
    private(set) var isFull = false
    /// END_STREAM is on its way.
    var hasSentEnd = false
    private let marks: Range<Int>

    // Of the request
    /// Of its body, what no backend has taken yet.
    @exclusivity(unchecked) private(set) var input = ByteBuffer()
    /// Bytes that the stream's window is owed, and that have not been told to the client yet.
    @exclusivity(unchecked) var credit = 0
    private(set) var inputHasEnded = false
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

    /// Keeps what the endpoint does not take now. One stretch of memory, however small the pieces are in which it came.
    func keep(_ bytes: ByteBuffer) {
        if self.input.readableBytes == 0 { self.input = bytes.compacted() } else { self.input.writeImmutableBuffer(bytes) }
    }

    func takeInput() -> ByteBuffer {
        defer { self.input = ByteBuffer() }
        return self.input
    }

    /// - Parameter trailers: Lines of fields.
    func endInput(trailers: ByteBuffer) {
        self.inputHasEnded = true
        self.requestTrailers = trailers
    }

    // MARK: The response

    func begin() {
        self.response = .begun
    }

    /// Whether more is to be given to the stream now.
    var isWritable: Bool { !self.isFull && self.connection != nil }

    func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0, case .begun = self.response else { return }
        if self.waitingBytes == 0 { self.first = bytes } else { self.rest.append(bytes) }
        self.waitingBytes += bytes.readableBytes
        if self.waitingBytes >= self.marks.upperBound { self.isFull = true }
    }

    /// The response is whole.
    ///
    /// - Parameter trailers: Lines of fields.
    func end(trailers: ByteBuffer = ByteBuffer()) {
        guard case .begun = self.response else { return }
        self.response = .ended
        self.trailers = trailers
    }

    /// Moves the next bytes behind others.
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

    /// What has to wait does not keep the memory of a whole read.
    func compact() {
        if self.first.readableBytes > 0 { self.first = self.first.compacted() }
        for index in self.rest.indices { self.rest[index] = self.rest[index].compacted() }
    }

    /// - Returns: Whether there is room again, which there was not.
    func becomesWritable() -> Bool {
        guard self.isFull, self.waitingBytes < self.marks.lowerBound else { return false }
        self.isFull = false
        return true
    }

    // MARK: The end

    /// No byte of the response is sent any more.
    func forgetOutput() {
        self.response = .reset
        self.first = ByteBuffer()
        self.rest = []
        self.waitingBytes = 0
    }

    /// The library knows it no more.
    ///
    /// - Returns: Whom to tell.
    func closed() -> ClientConnection? {
        defer { self.engine = nil }
        self.connection = nil
        self.forgetOutput()
        return self.engine
    }
}

// MARK: As a transport

extension HTTP2Stream {
    /// What was handed over goes on its way.
    func flush() {
        self.connection?.flush(self)
    }

    /// Nothing more comes from the engine. A response that is whole is sent to its end, any other is cut off.
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
    }

    func reset(_ code: ErrorCode) {
        if case .reset = self.response { return }
        self.forgetOutput()
        self.connection?.reset(self.id, code)
    }
}
