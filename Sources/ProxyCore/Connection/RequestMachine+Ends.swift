/// What to do when one side has closed, or when nothing has happened for too long.
extension RequestMachine {
    // MARK: The client

    enum ClientEnd: Equatable {
        case close
        /// Forward the end, after everything that was sent before it.
        case passOn(TunnelEnd)
        case ignore
    }

    /// The client has closed its sending side. In the middle of an exchange it is taken to be gone: otherwise everybody who leaves an event stream would keep
    /// its backend awake until that next sends something. In a tunnel the end is forwarded, since it may mean something there.
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

    /// The client has closed, which was noticed while nothing is read from it. A tunnel, and a connection after its last answer, first handles what came
    /// before the end.
    func clientEndsSoon() -> ClientEnd {
        switch self.state {
        case .resolving, .holding, .connecting, .exchanging: .close
        case .head, .tunnel, .lingering, .streams, .closed: .ignore
        }
    }

    /// All output, and its end, has been sent.
    ///
    /// - Returns: Whether to close now; false discards what the client still sends for a moment. Nil when the connection is not lingering.
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
        /// The end of this direction was known before.
        case repeated
    }

    private static func end(_ tunnel: inout Tunnel, client isClient: Bool) -> TunnelEnd {
        let isNew = isClient ? !tunnel.clientEnded : !tunnel.upstreamEnded
        if isClient { tunnel.clientEnded = true } else { tunnel.upstreamEnded = true }
        if tunnel.clientEnded, tunnel.upstreamEnded { return .both }
        return !isNew ? .repeated : isClient ? .fromClient : .fromUpstream
    }

    enum UpstreamEnd: Equatable {
        /// The connection is in an exchange: ``ExchangeMachine`` knows what the end means.
        case exchange
        case passOn(TunnelEnd)
        /// The tunnel is broken.
        case breakTunnel
        /// The connection to the backend no longer serves a request; it is dropped.
        case drop
    }

    /// - Parameter clean: The endpoint has closed its connection; false when the connection has failed.
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
        /// Forward the bytes up to this one, then send a close frame of our own: the client is asked to connect again.
        case forwardAndTell(upTo: Int)
        /// The client has got the close frame, so nothing follows it.
        case drop
    }

    /// Says what to do with these bytes, which the endpoint has sent in a tunnel.
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
        /// Close the connection: the protocol in the tunnel has no closing message, or we do not know it.
        case close
        /// Send a close frame now, or as soon as the endpoint's current frame ends.
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

    /// What the driver knows when a deadline has passed.
    struct Waiting {
        /// The next request waits until the client has taken the answers before it.
        var awaitsRoom = false
        /// Bytes of a request have come.
        var hasInput = false
        /// The response has not begun.
        var awaitsResponse = false
        /// The endpoint has the whole request, or does not take more of it, so the proxy waits for the endpoint.
        var isEndpointsTurn = false
        /// Nothing is read from the client.
        var isPaused = false
    }

    enum Overdue: Equatable {
        case closeIdle
        case close
        /// Cut the connection, so that the client cannot take what it has for the whole response.
        case cutOff
        /// Answer, and end the connection.
        case refuse(VisitorFailure)
        /// Answer the request whose head was read, and which waits for a lookup or a route.
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
