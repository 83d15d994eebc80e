/// The state of a client's connection with regard to its current request. Knows no bytes, sockets or time: ``ClientConnection`` drives it, tells it what
/// happened, and carries out what it says.
///
/// ```
///   head ──► resolving ──► head (again, with what was found out)
///     │  └─► holding ────► head (again, when the route has changed)
///     ├────► connecting ──► exchanging ──► head … │ tunnel │ lingering
///     │          └── failed, nothing was sent ──► head (again, one attempt later)
///     └────► lingering, closed
/// ```
///
/// Each case owns the data needed in it, except for the offer: both ``State/connecting`` and ``State/exchanging`` need that, and moving it from one case to
/// the next would count its references four times a request. What was found out about a request is dropped at the end of its case: after a wait the head is
/// read and resolved again, which is cheaper than keeping the result up to date. The exchange with the endpoint is a machine of its own, ``ExchangeMachine``,
/// which the driver keeps beside this one, because it changes with every read.
struct RequestMachine {
    /// A request that has an endpoint.
    struct Offer {
        var route: any ProxyRoute
        var notes: RequestNotes
        var endpoint: UpstreamPool
        /// How many endpoints have failed for it before.
        var attempt: Int
        /// The length of the request's head in the driver's input; 0 once that has been sent.
        var headLength: Int

        var isUntouched: Bool { self.headLength > 0 }
    }

    /// A connection that forwards bytes in both directions until both sides have closed.
    struct Tunnel {
        var clientEnded = false
        var upstreamEnded = false
        /// How far the proxy has come with ending the tunnel by itself.
        var ending = TunnelEnding.none
        /// Follows the frames that the endpoint sends in a WebSocket; nil in any other tunnel.
        var frames: WebSocketFrameScanner?

        var isHalfClosed: Bool { self.clientEnded || self.upstreamEnded }
    }

    enum State {
        /// Reading a request head, or waiting for one. An attempt above 0 means that the head was read before, and that so many endpoints have failed for it.
        case head(attempt: Int)
        /// The policy is looking up what this name means.
        case resolving(name: String, attempt: Int)
        /// The route has no endpoint yet, and the request waits for one.
        case holding(name: String, attempt: Int)
        /// The request waits for a connection to its endpoint.
        case connecting
        case exchanging
        case tunnel(Tunnel)
        /// The last answer is being sent. What the client still sends is discarded until it has had time to read that answer: closing at once would reset the
        /// connection, and the answer could be lost.
        case lingering(outputClosed: Bool, clientEnded: Bool)
        /// The connection speaks HTTP/2. Each of its streams has a machine of its own.
        case streams
        case closed
    }

    var state = State.head(attempt: 0)
    /// The current request's endpoint, in ``State/connecting`` and ``State/exchanging``, and that of the request that has become a ``State/tunnel``.
    private(set) var offer: Offer?

    /// Endpoints that one request is offered to, at most.
    static let attemptLimit = 8

    // MARK: What the driver asks

    var isReadingHead: Bool { if case .head = self.state { true } else { false } }

    var isExchanging: Bool { if case .exchanging = self.state { true } else { false } }

    var isTunnel: Bool { if case .tunnel = self.state { true } else { false } }

    var carriesStreams: Bool { if case .streams = self.state { true } else { false } }

    var isClosed: Bool { if case .closed = self.state { true } else { false } }

    var isConnecting: Bool { if case .connecting = self.state { true } else { false } }

    var tunnel: Tunnel? { if case .tunnel(let tunnel) = self.state { tunnel } else { nil } }

    /// The route of the current request, once it has an endpoint.
    var route: (any ProxyRoute)? {
        @inline(__always) get { self.offer?.route }
    }

    /// How many endpoints have failed for the current request.
    var attempt: Int {
        switch self.state {
        case .head(let attempt), .resolving(_, let attempt), .holding(_, let attempt): attempt
        case .connecting, .exchanging: self.offer?.attempt ?? 0
        case .tunnel, .lingering, .streams, .closed: 0
        }
    }

    // MARK: Resolving and selecting

    /// The request waits for a lookup.
    mutating func wait(forLookupOf name: String) {
        guard case .head(let attempt) = self.state else { preconditionFailure("only a head that was read is resolved") }
        self.state = .resolving(name: name, attempt: attempt)
    }

    /// - Returns: Whether the request is to be resolved again. False when the connection no longer waits for this name: its request was given up, and the
    ///   next one may be for another name.
    mutating func lookedUp(_ name: String) -> Bool {
        guard case .resolving(name, let attempt) = self.state else { return false }
        self.state = .head(attempt: attempt)
        return true
    }

    /// The request waits until its route changes.
    mutating func hold(for name: String) {
        guard case .head(let attempt) = self.state else { preconditionFailure("only a head that was read is held") }
        self.state = .holding(name: name, attempt: attempt)
    }

    enum RouteAction: Equatable {
        case resolveAgain
        case fail(RequestFailure)
        case ignore
    }

    /// - Parameter exists: Whether there is still a route of this name.
    mutating func routeChanged(exists: Bool) -> RouteAction {
        guard case .holding(_, let attempt) = self.state else { return .ignore }
        self.state = .head(attempt: attempt)
        return exists ? .resolveAgain : .fail(.upstream(.failedWhileStarting))
    }

    // MARK: Forwarding

    /// The policy has chosen an endpoint for the request, which is about to be sent.
    ///
    /// - Parameter headLength: The length of its head in the driver's input.
    mutating func select(_ endpoint: UpstreamPool, of route: any ProxyRoute, notes: RequestNotes, headLength: Int) {
        guard case .head(let attempt) = self.state else { preconditionFailure("only a head that was read is sent") }
        self.offer = Offer(route: route, notes: notes, endpoint: endpoint, attempt: attempt, headLength: headLength)
        self.state = .connecting
    }

    /// A kept connection of the endpoint turned out to be dead: the request goes out on a new one.
    ///
    /// - Returns: False when the request has been given up meanwhile.
    mutating func connectAgain() -> Bool {
        guard case .exchanging = self.state else { return false }
        self.state = .connecting
        return true
    }

    /// A connection to the endpoint is there, kept or new.
    ///
    /// - Returns: The length of the head in the input, which is to be sent now; 0 when it has been removed before.
    mutating func connected() -> Int {
        guard case .connecting = self.state, let length = self.offer?.headLength else { preconditionFailure("nobody waits for a connection") }
        self.offer?.headLength = 0
        self.state = .exchanging
        return length
    }

    /// What the policy is told about an endpoint that failed before its response; nil when no request had an endpoint.
    ///
    /// - Parameters:
    ///   - isRepeatable: The driver has kept the head, and the request may be sent twice.
    ///   - hasWholeRequest: The endpoint has been sent all of the request.
    func failed(_ failure: UpstreamFailure, isRepeatable: Bool = false, hasWholeRequest: Bool = false) -> FailedAttempt? {
        guard let offer else { return nil }
        let isLast = offer.attempt + 1 >= Self.attemptLimit
        let retry: FailedAttempt.Retry = isLast ? .forbidden : offer.isUntouched ? .allowed : isRepeatable ? .repeatable : .forbidden
        return FailedAttempt(failure: failure, number: offer.attempt, retry: retry, hasWholeRequest: hasWholeRequest)
    }

    enum RecoveryAction: Equatable {
        /// Read the head again, and resolve it without a lookup.
        case resolveAgain
        /// Look this name up, then read the head again.
        case lookUp(String)
        case answer
    }

    /// Decides how to go on after a failed attempt.
    mutating func recover(from attempt: FailedAttempt, by recovery: Recovery) -> RecoveryAction {
        guard let offer, attempt.retry != .forbidden else { return .answer }
        switch recovery {
        case .giveUp:
            return .answer
        case .selectAgain:
            self.leave(for: .head(attempt: offer.attempt + 1))
            return .resolveAgain
        case .lookUpAgain:
            let name = offer.route.name
            self.leave(for: .resolving(name: name, attempt: offer.attempt + 1))
            return .lookUp(name)
        }
    }

    /// The current request has been answered; the next one is awaited.
    ///
    /// - Returns: False when none will come, because writing the answer has shown that the client is gone.
    mutating func awaitNext() -> Bool {
        switch self.state {
        case .head, .resolving, .holding, .connecting, .exchanging:
            self.leave(for: .head(attempt: 0))
            return true
        case .closed: return false
        case .tunnel, .lingering, .streams: preconditionFailure("this connection takes no requests any more")
        }
    }

    /// Ends the current request, which no longer needs its endpoint.
    @inline(__always)
    private mutating func leave(for state: State) {
        self.offer = nil
        self.state = state
    }

    // MARK: Other ways of a connection

    /// Client and proxy have agreed on HTTP/2. False when a request has been read already.
    mutating func becomeStreams() -> Bool {
        guard case .head(attempt: 0) = self.state else { return false }
        self.state = .streams
        return true
    }

    /// The endpoint has answered 101.
    ///
    /// - Parameter isWebSocket: The tunnel carries frames of RFC 6455.
    /// - Returns: False when the request has been given up meanwhile.
    mutating func becomeTunnel(isWebSocket: Bool) -> Bool {
        guard case .exchanging = self.state else { return false }
        self.state = .tunnel(Tunnel(frames: isWebSocket ? WebSocketFrameScanner() : nil))
        return true
    }

    /// The last answer has been written. False when the client is gone already.
    mutating func linger() -> Bool {
        if case .closed = self.state { return false }
        self.leave(for: .lingering(outputClosed: false, clientEnded: false))
        return true
    }

    enum Closed: Equatable {
        case already
        /// The connection had no request, so there is nothing to undo.
        case idle
        /// A request waited for a lookup.
        case lookup
        /// A request had an endpoint; its exchange may have ended just before.
        case exchange
        /// A request waited until the route of this name changes, so the driver is in the list of those that wait.
        case held(name: String)
        case tunnel
    }

    /// - Returns: What the connection was doing, so that the driver can undo it.
    mutating func close() -> Closed {
        defer { self.leave(for: .closed) }
        switch self.state {
        case .closed: return .already
        case .head, .lingering, .streams: return .idle
        case .resolving: return .lookup
        case .connecting, .exchanging: return .exchange
        case .holding(let name, _): return .held(name: name)
        case .tunnel: return .tunnel
        }
    }
}
