import PlaneProtocol

/// What another scheduler, an operator or the command line of 0.3.24 has purged from the stream `plane_state`.
///
/// A consumer is not told of purges. The server publishes an advisory (`$JS.EVENT.ADVISORY.API`) for every API call that changed something,
/// and this is read from it. It may come a little before or after messages published at the same time, and a process that is not connected
/// when it is published misses it.
enum PurgeNotice: Hashable, Sendable {
    case everything
    /// - Parameter clusterToken: the cluster in the form used in subjects.
    case backend(BackendID, clusterToken: String)
    /// One message, with this sequence.
    case message(UInt64)

    static let subject = "$JS.EVENT.ADVISORY.API"
    private static let purge = "$JS.API.STREAM.PURGE.\(StateStream.name)"
    private static let deletion = "$JS.API.STREAM.MSG.DELETE.\(StateStream.name)"

    /// Reads an advisory; nil for API calls other than purges and deletions.
    init?(advisory payload: [UInt8]) {
        guard let advisory = Self.read(payload, as: Advisory.self), [Self.purge, Self.deletion].contains(advisory.subject),
            // A refused call has changed nothing.
            let answer = Self.read(advisory.response, as: Response.self), answer.success
        else { return nil }
        let request = Self.read(advisory.request, as: Request.self) ?? Request()
        guard advisory.subject == Self.purge else {
            guard let sequence = request.sequence else { return nil }
            self = .message(sequence)
            return
        }
        // A purge that keeps some messages does not say which, so it is ignored.
        guard request.sequence == nil, request.keep == nil else { return nil }
        guard let filter = request.filter, filter != "state.>", filter != ">" else {
            self = .everything
            return
        }
        let tokens = filter.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 6, tokens[0] == "state", tokens[1] == "cluster", tokens[3] == "backend", tokens[5] == ">",
            let backend = BackendID(rawValue: String(tokens[4]))
        else { return nil }
        self = .backend(backend, clusterToken: String(tokens[2]))
    }

    private static func read<Value: JSONDecodable>(_ text: String?, as type: Value.Type) -> Value? {
        text.flatMap { self.read(Array($0.utf8), as: type) }
    }

    private static func read<Value: JSONDecodable>(_ bytes: [UInt8], as: Value.Type) -> Value? {
        // Nil for bytes that are not JSON of this shape.
        try? WireCodec.decode(Value.self, from: bytes)
    }

    private struct Advisory: JSONDecodable {
        let subject: String
        let request: String?
        let response: String?

        init(json: JSONNode) throws(MessageError) {
            self.subject = try json.required("subject")
            self.request = try json.optional("request")
            self.response = try json.optional("response")
        }
    }

    private struct Response: JSONDecodable {
        let success: Bool

        init(json: JSONNode) throws(MessageError) { self.success = try json.value("success", default: false) }
    }

    private struct Request: JSONDecodable {
        var filter: String?
        var sequence: UInt64?
        var keep: UInt64?

        init() {}

        init(json: JSONNode) throws(MessageError) {
            self.filter = try json.optional("filter")
            self.sequence = try json.optional("seq")
            self.keep = try json.optional("keep")
        }
    }
}
