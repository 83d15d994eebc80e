/// What it means that one side has ended, or that nothing has happened for too long.
extension RequestMachine {
    // MARK: The client

    enum ClientEnd: Equatable {
        case close
        /// Pass it on, behind everything that went before it.
        case passOn(TunnelEnd)
        case ignore
    }

    /// A client that has closed its sending side in the middle of an ordinary exchange is taken to be gone: otherwise everybody who
    /// leaves an event stream would keep its endpoint awake until it next speaks. In a tunnel it is a word of the protocol inside.
    mutating func clientEnded() -> ClientEnd {
        switch self.state {
        case .tunnel(var tunnel):
            let end = Self.end(&tunnel, client: true)
            self.state = .tunnel(tunnel)
            return .passOn(end)
        case .lingering(let outputClosed, clientEnded: _):
            if outputClosed { return .close }
            self.state = .lingering(outputClosed: false, clientEnded: true)
            return .ignore
        case .head, .resolving, .holding, .connecting, .exchanging, .streams: return .close
        case .closed: return .ignore
        }
    }

    /// The same, told early because nothing is read now. In a tunnel, and behind the last answer, what comes before the end comes first.
    func clientEndsSoon() -> ClientEnd {
        switch self.state {
        case .resolving, .holding, .connecting, .exchanging: .close
        case .head, .tunnel, .lingering, .streams, .closed: .ignore
        }
    }

    /// All that was written has left, and the end of it.
    ///
    /// - Returns: Whether to close now; otherwise what the client still sends is thrown away for a moment. Nil when nothing lingers.
    mutating func outputClosed() -> Bool? {
        guard case .lingering(outputClosed: _, let clientEnded) = self.state else { return nil }
        if !clientEnded { self.state = .lingering(outputClosed: true, clientEnded: false) }
        return clientEnded
    }

    // MARK: Tunnels

    enum TunnelEnd: Equatable {
        /// Both directions have ended.
        case both
        case fromClient
        case fromUpstream
        /// It is known already.
        case repeated
    }

    private static func end(_ tunnel: inout Tunnel, client isClient: Bool) -> TunnelEnd {
        let isNew = isClient ? !tunnel.clientEnded : !tunnel.upstreamEnded
        if isClient { tunnel.clientEnded = true } else { tunnel.upstreamEnded = true }
        if tunnel.clientEnded, tunnel.upstreamEnded { return .both }
        return !isNew ? .repeated : isClient ? .fromClient : .fromUpstream
    }

    enum UpstreamEnd: Equatable {
        /// ``ExchangeMachine`` knows what it means.
        case exchange
        case passOn(TunnelEnd)
        /// The tunnel is broken.
        case breakTunnel
        /// It is no longer anybody's.
        case drop
    }

    /// - Parameter clean: It has closed, rather than the connection having failed.
    mutating func upstreamEnded(clean: Bool) -> UpstreamEnd {
        switch self.state {
        case .exchanging: return .exchange
        case .tunnel(var tunnel):
            guard clean else { return .breakTunnel }
            let end = Self.end(&tunnel, client: false)
            self.state = .tunnel(tunnel)
            return .passOn(end)
        case .head, .resolving, .holding, .connecting, .lingering, .streams, .closed: return .drop
        }
    }

    enum TunnelRead: Equatable {
        case forward
        /// Bytes up to this one, and then our close frame: the client is asked to connect again.
        case forwardAndTell(upTo: Int)
        /// The client has been told that nothing follows.
        case drop
    }

    /// The endpoint says this in a tunnel.
    mutating func tunnelRead(_ bytes: Span<UInt8>) -> TunnelRead {
        guard case .tunnel(var tunnel) = self.state else { return .drop }
        switch tunnel.ending {
        case .none:
            guard tunnel.frames != nil else { return .forward }
            tunnel.frames?.advance(bytes)
            self.state = .tunnel(tunnel)
            return .forward
        case .betweenFrames:
            guard let length = tunnel.frames?.advanceToBoundary(bytes) else {
                self.state = .tunnel(tunnel)
                return .forward
            }
            tunnel.ending = .told
            self.state = .tunnel(tunnel)
            return .forwardAndTell(upTo: length)
        case .told:
            return .drop
        }
    }

    enum TunnelClosing: Equatable {
        /// There is no word for it in the protocol inside, or none that we know.
        case close
        /// Say it now, or as soon as a frame of the endpoint's ends.
        case tell(now: Bool)
        case ignore
    }

    /// The proxy is about to stop.
    mutating func endTunnel() -> TunnelClosing {
        guard case .tunnel(var tunnel) = self.state, tunnel.ending == .none else { return .ignore }
        guard let frames = tunnel.frames else { return .close }
        tunnel.ending = frames.isBetweenFrames ? .told : .betweenFrames
        self.state = .tunnel(tunnel)
        return .tell(now: frames.isBetweenFrames)
    }

    // MARK: Deadlines

    /// What the driver knows, when a deadline has passed.
    struct Waiting {
        /// The next request waits until the client has taken the answers before it.
        var awaitsRoom = false
        /// Bytes of a request have come.
        var hasInput = false
        /// No response has begun.
        var awaitsResponse = false
        /// The endpoint has the whole request, or takes no more of it.
        var isEndpointsTurn = false
        /// Nothing is read from the client.
        var isPaused = false
    }

    enum Overdue: Equatable {
        case closeIdle
        case close
        /// In a way that nobody can take for the end of a response.
        case cutOff
        /// Answer, and end the connection.
        case refuse(VisitorFailure)
        /// Answer the head that was read.
        case failPending(RequestFailure, heldFor: String?)
        case failConnecting
        case failExchange
        case ignore
    }

    mutating func deadlinePassed(_ waiting: Waiting) -> Overdue {
        switch self.state {
        case .head:
            if waiting.awaitsRoom { return .cutOff }
            return waiting.hasInput ? .refuse(.slowHead) : .closeIdle
        case .resolving(_, let attempt):
            self.state = .head(attempt: attempt)
            return .failPending(.proxy(.lookupTimedOut), heldFor: nil)
        case .holding(let name, let attempt):
            self.state = .head(attempt: attempt)
            return .failPending(.upstream(.stillStarting), heldFor: name)
        case .connecting:
            return .failConnecting
        case .exchanging:
            guard waiting.awaitsResponse else { return .cutOff }
            return waiting.isEndpointsTurn ? .failExchange : .refuse(.slowBody)
        case .streams: return waiting.isPaused ? .cutOff : .close
        case .tunnel, .lingering: return .close
        case .closed: return .ignore
        }
    }
}
