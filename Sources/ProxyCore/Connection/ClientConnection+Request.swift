import EpollTransport
import NIOCore

/// Reads a client's requests and sends each to a backend.
extension ClientConnection {
    /// Reads requests until one has to wait, or until answers pile up because the client does not take them.
    ///
    /// A request that fails at once calls this again; the call returns at once, and the loop that is running reads the next request.
    func readRequests() {
        if self.isReadingRequests { return }
        self.isReadingRequests = true
        defer { self.isReadingRequests = false }
        while self.request.isReadingHead, self.input.readableBytes > 0 {
            guard self.hasRoom() else { return self.awaitRoom() }
            let buffer = self.input
            let bytes = buffer.readableBytesUInt8Span
            if !self.skippedEmptyLine, bytes[0] == .carriageReturn {
                guard bytes.count > 1 else { return }
                if bytes[1] == .lineFeed {
                    self.skippedEmptyLine = true
                    self.input.moveReaderIndex(forwardBy: 2)
                    continue
                }
            }
            do throws(HTTPViolation) {
                guard let length = try self.requestScanner.scan(bytes, limits: self.worker.limits) else {
                    return self.awaitRestOfHead()
                }
                try self.readRequest(bytes.extracting(0..<length), after: nil)
            } catch {
                self.refuse(error)
            }
        }
    }

    /// Stops reading requests until the client has taken the answers that wait for it; ``readOn()`` continues.
    private func awaitRoom() {
        guard self.request.isReadingHead else { return }  // closed by the attempt to send
        self.pauseReading()
        self.awaitsRoom = true
        self.deadline = .now() + self.worker.limits.writeIdle
    }

    /// Continues after ``awaitRoom()``, once the client has taken enough of the answers that waited.
    func readOn() {
        guard self.awaitsRoom else { return }
        self.awaitsRoom = false
        self.startedAt = .distantFuture
        self.deadline = .now() + self.worker.limits.keepAlive
        self.continueReading()
        self.flush()
    }

    /// Starts the time limit for a head at its first byte; before that the limit between two requests applied.
    private func awaitRestOfHead() {
        if self.startedAt == .distantFuture {
            self.startedAt = .now()
            self.deadline = self.startedAt + self.worker.limits.requestHead
        }
    }

    /// Deals with one whole head. Called again with the outcome when something had to be looked up first: the field table has been
    /// used by others since, and reading a head twice is cheaper than keeping it.
    private func readRequest(_ bytes: Span<UInt8>, after lookup: LookupOutcome?) throws(HTTPViolation) {
        let head = try RequestHead.read(bytes, length: bytes.count, into: &self.worker.table, limits: self.worker.limits)
        self.serve(head, bytes, after: lookup)
    }

    /// Asks the policy, and does what it says. The head's fields are in the worker's table.
    func serve(_ head: RequestHead, _ bytes: Span<UInt8>, after lookup: LookupOutcome?) {
        if lookup == nil, self.worker.namesRequests { self.requestID = self.name(head, bytes) }
        if self.worker.logsAccess, self.record == nil { self.record = self.beginRecord(head, bytes) }
        if case .redirect(let port) = self.role { return self.redirect(head, bytes, httpsPort: port) }
        let now = NIODeadline.now()
        if lookup == nil { self.startedAt = now }
        let policy = self.worker.policy
        switch policy.resolve(head, self.worker.table.fields, bytes, from: self.visitor, after: lookup, at: now) {
        case .route(let route, let path, let notes):
            switch policy.selectEndpoint(ofCarried: route, attempt: self.request.attempt) {
            case .endpoint(let endpoint):
                self.request.select(endpoint, of: route, notes: notes, headLength: head.length)
                self.send(head, bytes, path: path, to: endpoint, of: route, notes, now: now)
            case .hold:
                self.request.hold(for: route.name)
                self.deadline = self.startedAt + self.worker.limits.hold
                self.worker.hold(self, for: route.name)
            case .answer(let answer): self.answer(answer, to: head)
            }
        case .wait(let name):
            self.request.wait(forLookupOf: name)
            self.deadline = now + self.worker.limits.lookupLimit
            self.worker.lookUp(name, for: self)
        case .answer(let answer): self.answer(answer, to: head)
        case .fail(let failure): self.fail(failure, head: head, bytes)
        }
    }

    private func name(_ head: RequestHead, _ bytes: Span<UInt8>) -> RequestID {
        guard let given = head.requestID else { return self.worker.requestIDs.next() }
        return .clients(bytes.extracting(given).withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }

    private func beginRecord(_ head: RequestHead, _ bytes: Span<UInt8>) -> AccessRecord {
        AccessRecord(
            id: self.requestID?.description ?? "-", client: self.visitor.address?.description ?? "-", head: head, bytes,
            secret: self.worker.policy.secret(inPathOf: head, bytes, from: self.visitor), isHTTP2: self.role.isStream)
    }

    private func send(
        _ head: RequestHead, _ bytes: Span<UInt8>, path: Range<Int>, to pool: UpstreamPool, of route: any ProxyRoute,
        _ notes: RequestNotes, now: NIODeadline
    ) {
        self.record?.backend = route.name
        self.beginActivity(route)
        self.outgoingHead = self.outgoing(head, bytes, path: path, to: pool, of: route, notes)
        let request = ExchangeMachine.Request(
            isHEAD: head.isHEAD, isHTTP10: head.isHTTP10, keepAlive: head.keepAlive,
            upgrade: head.wantsUpgrade ? UpgradeProtocols(self.worker.table.fields, bytes) : nil,
            isIdempotent: head.isIdempotent, framing: head.framing, isStream: self.role.isStream)
        let limits = self.worker.limits
        // Backends may take an upgrade only as the first request of a connection, as from a browser; those made with NIO do.
        let kept =
            head.wantsUpgrade
            ? nil
            : pool.take(idleFor: request.isRepeatable ? limits.upstreamKeepAlive : limits.upstreamKeepAliveUnrepeatable, now: now)
        self.exchange = ExchangeMachine(
            request, upstreamWasKept: kept != nil, interimLimit: limits.interimResponseCount)
        if let kept {
            kept.serve(self)
            self.upstream = kept
            self.beginExchange(on: kept, now: now)
        } else {
            self.connect(to: pool)
        }
    }

    private func outgoing(
        _ head: RequestHead, _ bytes: Span<UInt8>, path: Range<Int>, to pool: UpstreamPool, of route: any ProxyRoute,
        _ notes: RequestNotes
    ) -> ByteBuffer {
        let policy = self.worker.policy
        let rewriting = policy.rewriteRequest(
            head, self.worker.table.fields, bytes, notes, forCarried: route, to: pool, from: self.visitor)
        var added: ByteBuffer?
        if rewriting.addsFields {
            self.worker.addedFields.clear()
            policy.addRequestFields(head, bytes, forCarried: route, to: pool, from: self.visitor, into: &self.worker.addedFields)
            added = self.worker.addedFields
        }
        var writer = RequestHeadWriter(path: path, rewriting)
        writer.keepsRequestID = !self.worker.namesRequests
        return writer.write(
            head, self.worker.table.fields, bytes, forwarding: self.forwarding, newID: head.requestID == nil ? self.requestID : nil,
            allocator: ByteBufferAllocator(), added: added)
    }

    func beginExchange(on upstream: UpstreamConnection, now: NIODeadline) {
        guard let outgoing = self.outgoingHead else { preconditionFailure("a head is kept until its exchange begins") }
        let length = self.request.connected()
        if length > 0, self.keepsHead { self.keptHead = self.input.getSlice(at: self.input.readerIndex, length: length)?.compacted() }
        self.consumeHead(length)
        upstream.write(outgoing)
        if self.exchange?.mayBeRepeated != true { self.outgoingHead = nil }
        self.armExchangeDeadline(now)
        if self.role.isStream {
            self.forwardStreamBody()
            upstream.flush()
        } else if self.input.readableBytes > 0 {
            self.forwardRequestBody()
            upstream.flush()
        } else {
            upstream.flush()
            if self.isPaused { self.resumeReading() }
        }
    }

    /// Whether the request in hand may have to be offered to another endpoint, as its visitor sent it: until its body begins. A stream's is offered again only
    /// as long as nothing of it was sent.
    private var keepsHead: Bool {
        !self.role.isStream && self.worker.repeatsElsewhere && self.exchange?.request.isIdempotent == true && self.exchange?.request.upgrade == nil
    }

    /// The head has been dealt with and is removed from the input; what follows is the body or the next request.
    ///
    /// - Parameter length: 0 when the head has been removed before.
    func consumeHead(_ length: Int) {
        if length == 0 { return }
        self.pendingHead = nil
        if length >= self.input.readableBytes {
            self.input = ByteBuffer()
        } else {
            self.input.moveReaderIndex(forwardBy: length)
        }
        self.requestScanner = HeadScanner()
        self.skippedEmptyLine = false
    }

    // MARK: Body

    /// Sends on the part of the body that has arrived. Bytes behind the body's end are the next request and wait.
    func forwardRequestBody() {
        guard let upstream, self.exchange?.requestIsSent == false else { return self.pauseReading() }
        let buffer = self.input
        let bytes = buffer.readableBytesUInt8Span
        var taken = 0
        /// Of the bytes taken, how many have been written already, or are not meant for the backend.
        var begun = 0
        do throws(HTTPViolation) {
            reading: while true {
                switch try self.exchange?.readRequestBody(bytes, from: taken, limits: self.worker.limits) ?? .ended {
                case .payload(let count), .framing(let count): taken += count
                case .extensions(let count):
                    if let part = buffer.getSlice(at: buffer.readerIndex + begun, length: taken - begun) { upstream.write(part) }
                    taken += count
                    begun = taken
                case .needsMore, .ended: break reading
                }
            }
        } catch {
            return self.refuse(error)
        }
        // What was sent of a body is gone.
        if taken > 0 { self.keptHead = nil }
        if begun > 0 {
            self.input.moveReaderIndex(forwardBy: begun)
            if taken > begun, let part = self.input.readSlice(length: taken - begun) { upstream.write(part) }
            if self.input.readableBytes == 0 { self.input = ByteBuffer() }
        } else if taken > 0 {
            var rest = buffer
            if taken == buffer.readableBytes {
                self.input = ByteBuffer()
                upstream.write(rest)
            } else if let part = rest.readSlice(length: taken) {
                self.input = rest
                upstream.write(part)
            }
        }
        self.armExchangeDeadline(.now())
        if self.exchange?.requestIsSent == true {
            if self.input.readableBytes > 0 { self.pauseReading() } else if self.isPaused { self.resumeReading() }
        } else if upstream.isWritable {
            if self.isPaused { self.resumeReading() }
        } else {
            upstream.flush()
            if upstream === self.upstream, !upstream.isWritable { self.pauseReading() }
        }
    }

    func upstreamBecameWritable() {
        switch self.request.state {
        case .exchanging:
            self.armExchangeDeadline(.now())
            if self.exchange?.requestIsSent == false { self.resumeReading() }
        case .tunnel:
            self.resumeReading()
        case .head, .resolving, .holding, .connecting, .lingering, .streams, .closed:
            break
        }
    }

    // MARK: Outcomes of waiting

    /// - Parameter name: The name that was looked up.
    func lookedUp(_ name: String, _ outcome: LookupOutcome) {
        if self.request.lookedUp(name) { self.resume(after: outcome) }
    }

    /// The route that this request waits for has changed, or (`exists` is false) is gone.
    func heldRouteChanged(_ name: String, exists: Bool) {
        switch self.request.routeChanged(exists: exists) {
        case .resolveAgain: self.resume(after: .answered)
        case .fail(let failure): self.failPending(failure, of: name)
        case .ignore: break
        }
    }

    /// Reads the head again that is waiting in `input`.
    func resume(after outcome: LookupOutcome) {
        if self.role.isStream {
            self.readStreamHead(after: outcome)
            return self.flush()
        }
        let buffer = self.input
        let bytes = buffer.readableBytesUInt8Span
        do throws(HTTPViolation) {
            guard let length = try self.scanPendingHead(bytes) else { return }
            try self.readRequest(bytes.extracting(0..<length), after: outcome)
        } catch {
            self.refuse(error)
        }
        self.continueReading()
        self.flush()
    }

    private func scanPendingHead(_ bytes: Span<UInt8>) throws(HTTPViolation) -> Int? {
        var scanner = HeadScanner()
        return try scanner.scan(bytes, limits: self.worker.limits)
    }

    /// Ends a request that was read but not sent to a backend, with an answer for this failure.
    func failPending(_ failure: RequestFailure, of name: String?) {
        if let pendingHead {
            var table = pendingHead.table
            self.worker.exchangeTable(&table)
            let buffer = self.input
            self.fail(failure, of: name, head: pendingHead.head, buffer.readableBytesUInt8Span)
            return self.worker.exchangeTable(&table)
        }
        let buffer = self.input
        let bytes = buffer.readableBytesUInt8Span
        do throws(HTTPViolation) {
            guard let length = try self.scanPendingHead(bytes) else { return }
            let headBytes = bytes.extracting(0..<length)
            let head = try RequestHead.read(headBytes, length: length, into: &self.worker.table, limits: self.worker.limits)
            self.fail(failure, of: name, head: head, headBytes)
        } catch {
            self.refuse(error)
        }
        self.continueReading()
        self.flush()
    }

    /// Reads the requests that the client has sent ahead.
    func continueReading() {
        guard self.request.isReadingHead, !self.role.isStream else { return }
        self.readRequests()
        if self.request.isReadingHead, self.isPaused, !self.awaitsRoom { self.resumeReading() }
    }
}
