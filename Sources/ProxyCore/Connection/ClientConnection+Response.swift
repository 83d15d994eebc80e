import EpollTransport
import Logging
import NIOCore

/// Reads a backend's response and sends it to the client.
extension ClientConnection {
    /// A head and a body that are smaller than this together are sent as one piece; copying that much is cheaper than a second
    /// entry in a vectored write.
    private static let joinedBytesLimit = 16 * 1024

    func upstreamRead(_ upstream: UpstreamConnection, _ buffer: ByteBuffer) {
        guard upstream === self.upstream else { return }
        switch self.request.state {
        case .tunnel:
            self.forwardTunnel(fromUpstream: buffer)
        case .exchanging:
            if self.upstreamInput.readableBytes == 0 {
                self.upstreamInput = buffer
            } else {
                self.upstreamInput.writeImmutableBuffer(buffer)
            }
            self.readResponse()
        case .head, .resolving, .holding, .connecting, .lingering, .streams, .closed:
            // A backend that sends without a request to answer: these bytes must not become the answer to the next request.
            self.dropUpstream()
        }
    }

    func upstreamReadCompleted() {
        self.flush()
        // Bytes that wait for more are copied, so that they do not keep the memory of a whole read.
        if self.upstreamInput.readableBytes > 0 { self.upstreamInput = self.upstreamInput.compacted() }
    }

    private func readResponse() {
        while let exchange, exchange.awaitsHead {
            let buffer = self.upstreamInput
            let bytes = buffer.readableBytesUInt8Span
            do throws(HTTPViolation) {
                guard let length = try self.responseScanner.scan(bytes, limits: self.worker.limits) else { return self.heedRoom() }
                self.responseScanner = HeadScanner()
                guard try self.readResponseHead(bytes.extracting(0..<length), isAnswerToHEAD: exchange.request.isHEAD) else {
                    return
                }
            } catch {
                guard error == .bareLineFeed else { return self.upstreamFailed(.malformedResponse(error)) }
                guard self.rewriteLineFeeds() else { return }
            }
        }
        self.forwardResponseBody(behind: nil)
    }

    /// Rewrites a head whose lines end with line feeds alone, so that they end with CR LF. False when there is nothing more to read now.
    private func rewriteLineFeeds() -> Bool {
        let buffer = self.upstreamInput
        do throws(HTTPViolation) {
            switch try LineFeedHead.read(buffer.readableBytesUInt8Span, limits: self.worker.limits) {
            case .needsMore:
                self.heedRoom()
                return false
            case .head(let length, let strict):
                var rewritten = ByteBufferAllocator().buffer(capacity: strict.count + buffer.readableBytes - length)
                rewritten.writeBytes(strict)
                rewritten.writeImmutableBuffer(buffer.getSlice(at: buffer.readerIndex + length, length: buffer.readableBytes - length) ?? ByteBuffer())
                self.upstreamInput = rewritten
                self.responseScanner = HeadScanner()
                return true
            }
        } catch {
            self.upstreamFailed(.malformedResponse(error))
            return false
        }
    }

    /// Handles one complete head, whose bytes are still in `upstreamInput`. False when there is nothing more to read now.
    private func readResponseHead(_ bytes: Span<UInt8>, isAnswerToHEAD: Bool) throws(HTTPViolation) -> Bool {
        let head = try ResponseHead.read(
            bytes, length: bytes.count, isAnswerToHEAD: isAnswerToHEAD, into: &self.worker.table, limits: self.worker.limits)
        guard let action = self.exchange?.responseHead(head, bytes, isDraining: self.worker.isDraining) else { return false }
        if !head.isInterim { self.record?.status = head.status }
        switch action {
        case .dropInterim:
            self.upstreamInput.moveReaderIndex(forwardBy: head.length)
        case .forwardInterim:
            self.outgoingHead = nil
            self.keptHead = nil
            if let stream {
                self.sendStreamHead(head, bytes, on: stream, hasBody: true)
            } else {
                self.write(self.outgoing(head, bytes, .unsaid, bodyRoom: 0))
            }
            self.upstreamInput.moveReaderIndex(forwardBy: head.length)
            self.armExchangeDeadline(.now())
        case .tunnel:
            self.worker.metrics.responded(status: head.status)
            let outgoing = self.outgoing(head, bytes, .upgrade, bodyRoom: 0)
            self.upstreamInput.moveReaderIndex(forwardBy: head.length)
            self.write(outgoing)
            self.becomeTunnel(isWebSocket: head.upgradesToWebSocket)
            return false
        case .refuse(let failure):
            self.upstreamFailed(failure)
            return false
        case .forward(let connection, let removesChunks):
            self.openStatus = head.status
            self.outgoingHead = nil
            self.removesChunks = removesChunks
            if let stream {
                let hasBody = self.exchange?.responseHasEnded == false
                self.sendStreamHead(head, bytes, on: stream, hasBody: hasBody)
                self.upstreamInput.moveReaderIndex(forwardBy: head.length)
                self.forwardResponseBody(behind: nil)
                return false
            }
            let room = min(self.upstreamInput.readableBytes - head.length, Self.joinedBytesLimit)
            let outgoing = self.outgoing(head, bytes, connection, bodyRoom: room)
            self.upstreamInput.moveReaderIndex(forwardBy: head.length)
            self.forwardResponseBody(behind: outgoing)
            return false
        }
        return true
    }

    private func outgoing(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ connection: ResponseHeadWriter.Connection, bodyRoom: Int
    ) -> ByteBuffer {
        guard let route = self.request.route, let notes = self.request.offer?.notes else { preconditionFailure("a response is to a request that has a route") }
        let needsDate = !head.hasDate && !head.isInterim && head.status != 101
        let policy = self.worker.policy
        let rewriting = policy.rewriteResponse(head, self.worker.table.fields, bytes, notes, ofCarried: route, to: self.visitor)
        var added: ByteBuffer?
        if rewriting.addsFields {
            self.worker.addedFields.clear()
            policy.addResponseFields(
                head, self.worker.table.fields, bytes, ofCarried: route, to: self.visitor, into: &self.worker.addedFields)
            added = self.worker.addedFields
        }
        let writer = ResponseHeadWriter(
            connection: connection, removesChunks: self.removesChunks, date: needsDate ? self.worker.date.field() : nil,
            addedFields: rewriting.addedFields, cookieRules: rewriting.cookieRules, hiddenField: rewriting.hiddenField)
        return writer.write(head, self.worker.table.fields, bytes, bodyRoom: bodyRoom, allocator: ByteBufferAllocator(), added: added)
    }

    /// Sends on the part of the body that has arrived, behind the head if that has not been sent yet.
    private func forwardResponseBody(behind head: ByteBuffer?) {
        let taken: Int
        do throws(HTTPViolation) {
            if let stream {
                taken = try self.forwardToStream(stream)
            } else {
                taken = self.removesChunks ? try self.forwardWithoutChunks(behind: head) : try self.forwardAsItIs(behind: head)
            }
        } catch {
            // The response has begun, so the client can only be shown that it is incomplete.
            self.logFailure(.upstream(.malformedResponse(error)))
            // Without chunks the client takes the end of the connection for the end of the response, so the connection is reset.
            return self.removesChunks || self.role.isStream ? self.cutOff() : self.close()
        }
        if let ending = self.exchange?.endIfComplete(excess: self.upstreamInput.readableBytes > 0) {
            return self.finish(ending)
        }
        if taken > 0 || head != nil { self.armExchangeDeadline(.now()) }
        self.heedRoom()
    }

    /// Reads nothing more from the backend while the client has not taken what was read before.
    func heedRoom() {
        if !self.hasRoom() { self.upstream?.pauseReading() }
    }

    private func forwardAsItIs(behind head: ByteBuffer?) throws(HTTPViolation) -> Int {
        let buffer = self.upstreamInput
        let bytes = buffer.readableBytesUInt8Span
        var head = head
        var taken = 0
        /// Of the bytes taken, how many have been written already, or are not meant for the client.
        var begun = 0
        reading: while true {
            switch try self.exchange?.readResponseBody(bytes, from: taken, limits: self.worker.limits) ?? .ended {
            case .payload(let count), .framing(let count): taken += count
            case .extensions(let count):
                if let head { self.write(head) }
                head = nil
                if let part = buffer.getSlice(at: buffer.readerIndex + begun, length: taken - begun) { self.write(part) }
                taken += count
                begun = taken
            case .needsMore, .ended: break reading
            }
        }
        if begun > 0 {
            self.upstreamInput.moveReaderIndex(forwardBy: begun)
            if taken > begun { self.write(self.takeUpstreamInput(taken - begun)) }
            if self.upstreamInput.readableBytes == 0 { self.upstreamInput = ByteBuffer() }
            return taken
        }
        guard var joined = head else {
            if taken > 0 { self.write(self.takeUpstreamInput(taken)) }
            return taken
        }
        if taken <= Self.joinedBytesLimit {
            joined.write(bytes, 0..<taken)
            self.write(joined)
            _ = self.takeUpstreamInput(taken)
        } else {
            self.write(joined)
            self.write(self.takeUpstreamInput(taken))
        }
        return taken
    }

    /// Forwards the content of a chunked body without its chunks, for HTTP/1.0 clients; the end of the connection marks its end.
    private func forwardWithoutChunks(behind head: ByteBuffer?) throws(HTTPViolation) -> Int {
        if let head { self.write(head) }
        let buffer = self.upstreamInput
        let bytes = buffer.readableBytesUInt8Span
        var taken = 0
        var content = ByteBuffer()
        reading: while true {
            switch try self.exchange?.readResponseBody(bytes, from: taken, limits: self.worker.limits) ?? .ended {
            case .payload(let count):
                content.add(buffer, at: buffer.readerIndex + taken, length: count)
                taken += count
            case .framing(let count), .extensions(let count):
                taken += count
            case .needsMore, .ended:
                break reading
            }
        }
        if content.readableBytes > 0 { self.write(content) }
        _ = self.takeUpstreamInput(taken)
        return taken
    }

    private func takeUpstreamInput(_ count: Int) -> ByteBuffer {
        if count == self.upstreamInput.readableBytes {
            defer { self.upstreamInput = ByteBuffer() }
            return self.upstreamInput
        }
        return self.upstreamInput.readSlice(length: count) ?? ByteBuffer()
    }

    // MARK: The end of an exchange

    private func finish(_ ending: ExchangeMachine.Ending) {
        let now = NIODeadline.now()
        let duration = now - self.startedAt
        self.worker.metrics.requestEnded(nanoseconds: duration.nanoseconds)
        self.worker.policy.ended(EndedRequest(status: self.openStatus, duration: duration), onCarried: self.request.route)
        if let stream {
            stream.end(trailers: self.responseTrailers)
            self.responseTrailers = ByteBuffer()
            self.needsFlush = true
        }
        let requestIsRead = self.exchange?.requestIsSent == true && self.input.readableBytes == 0
        self.endExchange()
        if ending.keepsUpstream, let upstream, upstream.isWritable {
            self.upstream = nil
            upstream.pool.keep(upstream, now: now)
        } else {
            self.dropUpstream()
        }
        self.flush()  // the end of this read will not be told by a connection that serves others
        if self.request.isClosed { return }  // a stream is over once its last frame has left
        guard ending.keepsClient else {
            if requestIsRead, !self.transport.waitsForLastWord { self.closeAfterFlush() } else { self.closeLingering() }
            return
        }
        guard self.request.awaitNext() else { return }
        self.startedAt = .distantFuture
        self.deadline = now + self.worker.limits.keepAlive
        if self.input.readableBytes > 0 || self.isPaused { self.continueReading() }
    }

    func upstreamEnded(_ upstream: UpstreamConnection, clean: Bool) {
        guard upstream === self.upstream else { return }
        switch self.request.upstreamEnded(clean: clean) {
        case .exchange: self.exchangeLostUpstream(clean: clean)
        case .passOn(let end): self.passOn(end)
        case .breakTunnel: self.closeAfterFlush()
        case .drop: self.dropUpstream()
        }
        self.flush()
    }

    private func exchangeLostUpstream(clean: Bool) {
        let action = self.exchange?.upstreamEnded(clean: clean, sawBytes: self.upstreamInput.readableBytes > 0)
        switch action ?? .ignore {
        case .repeatRequest:
            guard let pool = self.upstream?.pool, self.request.connectAgain() else { return }
            self.connect(to: pool)
        case .answer(let failure):
            self.upstreamFailed(failure)
        case .finish:
            self.finish(ExchangeMachine.Ending(keepsUpstream: false, keepsClient: false))
        case .cutOff:
            self.logFailure(.upstream(.closedBeforeResponse))
            self.cutOff()
        case .ignore:
            self.dropUpstream()
        }
    }

    /// The connection to the backend is closed in both directions.
    func upstreamClosed(_ upstream: UpstreamConnection) {
        guard upstream === self.upstream else { return }
        if self.request.isTunnel { self.closeAfterFlush() }
    }

    func clientBecameWritable() {
        switch self.request.state {
        case .exchanging, .tunnel:
            self.upstream?.resumeReading()
            if self.exchange != nil { self.armExchangeDeadline(.now()) }
        case .head: self.readOn()
        case .streams: self.http2?.transportBecameWritable()
        case .resolving, .holding, .connecting, .lingering, .closed:
            break
        }
    }

    /// The client takes nothing more for now. An HTTP/2 connection is told, so that it stops writing; requests and responses ask for room before they write
    /// more.
    func clientBecameFull() {
        self.http2?.transportBecameFull()
    }
}
