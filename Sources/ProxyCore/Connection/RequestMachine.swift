/// Where a client's connection stands with its request. Knows no bytes, sockets or time: ``ClientConnection`` drives it, tells it what
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
/// Each case owns what is needed there, but for the offer: it is what ``State/connecting`` and ``State/exchanging`` have in common, and to take
/// it out of one case and put it into the next would count its references four times a request. What was found out about a request does not
/// outlive its case: after a wait its head is read and resolved again, which is cheaper than to keep it true. The exchange with the endpoint is
/// a machine of its own, ``ExchangeMachine``, which its driver keeps beside this one: it changes with every read.
struct RequestMachine {
    /// A request that has an endpoint.
    struct Offer {
        var route: any ProxyRoute
        var notes: RequestNotes
        var endpoint: UpstreamPool
        /// How many endpoints have failed for it before.
        var attempt: Int
        /// How much of the driver's input is its head; 0 once that has been sent.
        var headLength: Int

        var isUntouched: Bool { self.headLength > 0 }
    }

    /// Bytes both ways until both sides have said their last word.
    struct Tunnel {
        var clientEnded = false
        var upstreamEnded = false
        /// Whether, and how far, we are ending it.
        var ending = TunnelEnding.none
        /// What the endpoint says in a WebSocket; nil in any other tunnel.
        var frames: WebSocketFrameScanner?

        var isHalfClosed: Bool { self.clientEnded || self.upstreamEnded }
    }

    enum State {
        /// Reading a request head, or waiting for one. With attempts the head has been read before, and that many endpoints have failed.
        case head(attempt: Int)
        /// The policy finds out what this name means.
        case resolving(name: String, attempt: Int)
        /// The route has no endpoint yet.
        case holding(name: String, attempt: Int)
        /// The offer waits for a connection.
        case connecting
        case exchanging
        case tunnel(Tunnel)
        /// The last answer is on its way; what else the client sends is thrown away until it has had time to read it. Closing at
        /// once would reset the connection, and the answer with it.
        case lingering(outputClosed: Bool, clientEnded: Bool)
        /// Of this connection only its streams are of interest, each of which has a machine like this one.
        case streams
        case closed
    }

    var state = State.head(attempt: 0)
    /// The request in hand, in ``State/connecting`` and ``State/exchanging``, and the one that has become a ``State/tunnel``.
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

    /// What the request in hand is for, once it has an endpoint.
    var route: (any ProxyRoute)? {
        @inline(__always) get { self.offer?.route }
    }

    /// How many endpoints have failed for the request in hand.
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

    /// - Returns: Whether the request is to be resolved again. An answer that came too late for one request is none to the next, which is for
    ///   another.
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

    /// - Parameter exists: There still is a route.
    mutating func routeChanged(exists: Bool) -> RouteAction {
        guard case .holding(_, let attempt) = self.state else { return .ignore }
        self.state = .head(attempt: attempt)
        return exists ? .resolveAgain : .fail(.upstream(.failedWhileStarting))
    }

    // MARK: Forwarding

    /// The request has an endpoint, and is about to be sent.
    ///
    /// - Parameter headLength: Of its head in the driver's input.
    mutating func select(_ endpoint: UpstreamPool, of route: any ProxyRoute, notes: RequestNotes, headLength: Int) {
        guard case .head(let attempt) = self.state else { preconditionFailure("only a head that was read is sent") }
        self.offer = Offer(route: route, notes: notes, endpoint: endpoint, attempt: attempt, headLength: headLength)
        self.state = .connecting
    }

    /// A kept connection of the endpoint turned out to be dead: the request goes out on a new one.
    ///
    /// - Returns: False when it has been given up meanwhile.
    mutating func connectAgain() -> Bool {
        guard case .exchanging = self.state else { return false }
        self.state = .connecting
        return true
    }

    /// There is a connection, kept or new.
    ///
    /// - Returns: How much of the input is the head that is sent on it; 0 when it has been taken before.
    mutating func connected() -> Int {
        guard case .connecting = self.state, let length = self.offer?.headLength else { preconditionFailure("nobody waits for a connection") }
        self.offer?.headLength = 0
        self.state = .exchanging
        return length
    }

    /// What the policy is told of an endpoint that failed before a response; nil where none was to respond.
    ///
    /// - Parameters:
    ///   - isRepeatable: The driver has kept the head, for the request may be sent twice.
    ///   - hasWholeRequest: The endpoint has been sent all of it.
    func failed(_ failure: UpstreamFailure, isRepeatable: Bool = false, hasWholeRequest: Bool = false) -> FailedAttempt? {
        guard let offer else { return nil }
        let isLast = offer.attempt + 1 >= Self.attemptLimit
        let retry: FailedAttempt.Retry = isLast ? .forbidden : offer.isUntouched ? .allowed : isRepeatable ? .repeatable : .forbidden
        return FailedAttempt(failure: failure, number: offer.attempt, retry: retry, hasWholeRequest: hasWholeRequest)
    }

    enum RecoveryAction: Equatable {
        /// Read the head again, and resolve by what is known.
        case resolveAgain
        /// Look this name up; the head is read again afterwards.
        case lookUp(String)
        case answer
    }

    /// What is done about the failed attempt.
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

    /// The request in hand has been answered, and the next one is waited for.
    ///
    /// - Returns: False when none will come, since to write the answer may have been to find that the client is gone.
    mutating func awaitNext() -> Bool {
        switch self.state {
        case .head, .resolving, .holding, .connecting, .exchanging:
            self.leave(for: .head(attempt: 0))
            return true
        case .closed: return false
        case .tunnel, .lingering, .streams: preconditionFailure("this connection takes no requests any more")
        }
    }

    /// The request in hand is no longer on its way to an endpoint.
    @inline(__always)
    private mutating func leave(for state: State) {
        self.offer = nil
        self.state = state
    }

    // MARK: Other ways of a connection

    /// Browser and proxy have agreed on HTTP/2; false once a request has been read.
    mutating func becomeStreams() -> Bool {
        guard case .head(attempt: 0) = self.state else { return false }
        self.state = .streams
        return true
    }

    /// After 101.
    ///
    /// - Parameter isWebSocket: What goes through are frames of RFC 6455.
    /// - Returns: False when it has been given up meanwhile.
    mutating func becomeTunnel(isWebSocket: Bool) -> Bool {
        guard case .exchanging = self.state else { return false }
        self.state = .tunnel(Tunnel(frames: isWebSocket ? WebSocketFrameScanner() : nil))
        return true
    }

    /// The last answer has been written; false when there is nobody to read it.
    mutating func linger() -> Bool {
        if case .closed = self.state { return false }
        self.leave(for: .lingering(outputClosed: false, clientEnded: false))
        return true
    }

    enum Closed: Equatable {
        case already
        /// Nothing is to be undone.
        case idle
        /// A request that is being looked up.
        case lookup
        /// One that has an endpoint; its exchange may have ended just before.
        case exchange
        /// The driver is waited for by whoever tells that this route has changed.
        case held(name: String)
        case tunnel
    }

    /// - Returns: What the connection was about.
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
