/// One request and its response, from sending the head to receiving the last byte. Knows nothing of sockets or the time.
///
/// ```
///   request   head ──► body ────────► sent
///   response  awaiting head ──► (interim heads) ──► body ──► ended
///                                └─► 101: no exchange any more, a tunnel
/// ```
///
/// Both halves run at once: a response may begin, and end, while the request is still being sent.
struct ExchangeMachine {
    /// What the request head says that decides about the response.
    struct Request {
        var isHEAD: Bool
        var isHTTP10: Bool
        var keepAlive: Bool
        /// The protocols to which the request asks to switch.
        var upgrade: UpgradeProtocols?
        var isIdempotent: Bool
        var framing: BodyFraming
        /// The request came on a stream of HTTP/2, whose end is the body's end; `framing` is that towards the endpoint.
        var isStream = false

        /// May be sent again when a kept connection turns out to be dead. One with a body is not: its bytes are gone.
        var isRepeatable: Bool { self.isIdempotent && (self.framing == .none || self.framing == .length(0)) }
    }

    private enum Response {
        case awaitingHead(interims: Int)
        case body(BodyReader, keepsUpstream: Bool, closesClient: Bool)
        case ended
    }

    private(set) var request: Request
    private(set) var requestBody: BodyReader
    private var response: Response = .awaitingHead(interims: 0)
    /// The connection has carried an exchange before, so the backend may be closing it at this very moment.
    private var upstreamWasKept: Bool
    private let interimLimit: Int

    init(_ request: Request, upstreamWasKept: Bool, interimLimit: Int) {
        self.request = request
        self.requestBody = BodyReader(request.isStream && request.framing == .chunked ? .untilClose : request.framing)
        self.upstreamWasKept = upstreamWasKept
        self.interimLimit = interimLimit
    }

    var requestIsSent: Bool { self.requestBody.hasEnded }

    /// Whether the request may have to be sent again: see ``UpstreamEndAction/repeatRequest``.
    var mayBeRepeated: Bool { self.upstreamWasKept && self.request.isRepeatable }

    /// The response's head has been read, and all bytes of its body have come.
    var responseHasEnded: Bool {
        switch self.response {
        case .awaitingHead: false
        case .body(let reader, _, _): reader.hasEnded
        case .ended: true
        }
    }

    var awaitsHead: Bool {
        if case .awaitingHead = self.response { true } else { false }
    }

    // MARK: Request body

    mutating func readRequestBody(
        _ bytes: Span<UInt8>, from start: Int, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> BodyReader.Step {
        try self.requestBody.next(bytes, from: start, limits: limits)
    }

    /// Content of a body that comes on a stream.
    mutating func takeRequestBody(_ count: Int) throws(HTTPViolation) {
        try self.requestBody.take(count)
    }

    /// The end of a body that comes on a stream.
    mutating func endRequestBody() throws(HTTPViolation) {
        try self.requestBody.end()
    }

    // MARK: Response

    enum HeadAction: Equatable {
        case forwardInterim
        /// HTTP/1.0 clients do not know interim responses (RFC 9110 §15.2).
        case dropInterim
        case tunnel
        case forward(connection: ResponseHeadWriter.Connection, removesChunks: Bool)
        case refuse(UpstreamFailure)
    }

    /// - Parameter isDraining: The proxy is about to stop; clients should come back on another connection.
    mutating func responseHead(_ head: ResponseHead, _ bytes: Span<UInt8>, isDraining: Bool) -> HeadAction {
        guard case .awaitingHead(let interims) = self.response else {
            preconditionFailure("heads are only read while one is awaited")
        }
        if head.isInterim {
            guard interims < self.interimLimit else { return .refuse(.tooManyInterimResponses) }
            self.response = .awaitingHead(interims: interims + 1)
            return self.request.isHTTP10 ? .dropInterim : .forwardInterim
        }
        if head.status == 101 {
            // With a length or chunks, some clients would take what follows for the body of a response.
            guard let asked = self.request.upgrade, let chosen = head.upgrade, asked.contain(bytes, chosen), !head.statesFraming,
                self.requestIsSent
            else { return .refuse(.upgradeNobodyAskedFor) }
            self.response = .ended
            return .tunnel
        }
        let endsWithConnection = head.framing == .untilClose
        let removesChunks = self.request.isHTTP10 && head.framing == .chunked
        // The rest of the request's body could not be told from the next request.
        let closesClient = !self.request.keepAlive || endsWithConnection || removesChunks || !self.requestIsSent || isDraining
        self.response = .body(BodyReader(head.framing), keepsUpstream: head.keepAlive, closesClient: closesClient)
        let connection: ResponseHeadWriter.Connection =
            if closesClient { .close } else if self.request.isHTTP10 { .keepAlive } else { .unsaid }
        return .forward(connection: connection, removesChunks: removesChunks)
    }

    mutating func readResponseBody(
        _ bytes: Span<UInt8>, from start: Int, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> BodyReader.Step {
        guard case .body(var reader, let keepsUpstream, let closesClient) = self.response else { return .ended }
        let step = try reader.next(bytes, from: start, limits: limits)
        self.response = .body(reader, keepsUpstream: keepsUpstream, closesClient: closesClient)
        return step
    }

    struct Ending: Equatable {
        var keepsUpstream: Bool
        var keepsClient: Bool
    }

    /// What happens to the two connections once the response's last byte has been read; nil before.
    ///
    /// - Parameter excess: The backend sent more than its response. These bytes must not be taken for the answer to the next request, so its connection is
    ///   closed.
    mutating func endIfComplete(excess: Bool) -> Ending? {
        guard case .body(let reader, let keepsUpstream, let closesClient) = self.response, reader.hasEnded else { return nil }
        self.response = .ended
        return Ending(keepsUpstream: keepsUpstream && self.requestIsSent && !excess, keepsClient: !closesClient)
    }

    // MARK: The backend's connection is gone

    enum UpstreamEndAction: Equatable {
        /// Send the request again on a new connection.
        case repeatRequest
        case answer(UpstreamFailure)
        /// The end of the connection is the end of the body, as the head announced.
        case finish
        /// The client must see that the response is not whole.
        case cutOff
        case ignore
    }

    /// - Parameters:
    ///   - clean: The backend closed, rather than the connection failing.
    ///   - sawBytes: Part of a response head had come.
    mutating func upstreamEnded(clean: Bool, sawBytes: Bool) -> UpstreamEndAction {
        switch self.response {
        case .awaitingHead(let interims):
            if self.mayBeRepeated, interims == 0, !sawBytes {
                self.upstreamWasKept = false
                return .repeatRequest
            }
            return .answer(clean ? .closedBeforeResponse : .brokeBeforeResponse)
        case .body(let reader, _, _):
            guard reader.endsWithConnection, clean else { return .cutOff }
            self.response = .ended
            return .finish
        case .ended:
            return .ignore
        }
    }
}
