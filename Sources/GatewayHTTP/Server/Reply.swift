import GatewayCore
import HTTPTypes
import PlaneProtocol

/// The answer to a request.
struct Reply: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// The body is written piece by piece, as long as that takes. If it throws, the connection is closed.
        case stream(@Sendable (inout PieceWriter) async throws -> Void)
        case pushed(PushedStream)
    }

    /// A body whose pieces are written from outside, without a task of its own.
    struct PushedStream: Sendable {
        /// Kept as long as the stream is open.
        let subscription: any Sendable
        /// Called once on the connection's event loop, when the pieces may come.
        let begin: @Sendable (StreamOutlet) -> Void
    }

    var status: Int
    var fields = HTTPFields()
    var body = Body.bytes([])
    /// Whether a stream ends when the client closes its side of the connection: for those that may be silent for ever, so that nothing else tells that the
    /// client is gone.
    var endsWithInput = false
    /// The id in the error object, for the log.
    var errorID: String?
    /// The backend that the request is about, for the log.
    var backend: BackendID?

    init(status: Int, body: Body = .bytes([])) {
        self.status = status
        self.body = body
    }

    static func json(_ value: some JSONEncodable, status: Int = 200) -> Reply {
        .bytes(WireCodec.encode(value), type: "application/json", status: status)
    }

    static func text(_ text: String, status: Int) -> Reply { .bytes(Array(text.utf8), type: "text/plain; charset=utf-8", status: status) }

    static func bytes(_ bytes: [UInt8], type: String, status: Int = 200) -> Reply {
        var reply = Reply(status: status, body: .bytes(bytes))
        reply.fields[.contentType] = type
        return reply
    }

    /// A reply with a stream of events (HTML Standard, server-sent events).
    static func events(_ write: @escaping @Sendable (inout PieceWriter) async throws -> Void) -> Reply {
        self.eventStream(.stream(write))
    }

    /// A reply with a stream of events that are pushed into it.
    static func events(_ pushed: PushedStream) -> Reply { self.eventStream(.pushed(pushed)) }

    private static func eventStream(_ body: Body) -> Reply {
        var reply = Reply(status: 200, body: body)
        reply.fields[.contentType] = "text/event-stream"
        reply.fields[.cacheControl] = "no-cache"
        // Tells nginx, which is often in front, not to hold events back.
        reply.set("x-accel-buffering", "no")
        return reply
    }

    init(_ failure: GatewayError, id: String) {
        self = .bytes(failure.body(id: id), type: failure.contentType, status: failure.status)
        if let seconds = failure.retryAfterSeconds { self.set("retry-after", "\(seconds)") }
        self.errorID = id
    }

    /// - Parameter name: a valid name of a field.
    mutating func set(_ name: String, _ value: String) {
        if let name = HTTPField.Name(name) { self.fields[name] = value }
    }
}
