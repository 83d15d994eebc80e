import EpollTransport
import Logging
import LogKeys
import NIOCore

/// Client and proxy have agreed on HTTP/2: every stream gets a ``ClientConnection`` of its own, and this one only represents the connection as a whole, for
/// counting, draining and closing.
extension ClientConnection {
    func becomeHTTP2() {
        guard self.request.becomeStreams() else { return }
        let http2 = HTTP2Connection(self, worker: self.worker)
        self.http2 = http2
        if self.worker.isDraining { http2.quiesce() }
    }
}

// MARK: - One request, on a stream

extension ClientConnection {
    /// The stream that this serves; nil for a connection, and once the stream is closed.
    @inline(__always)
    var stream: HTTP2Stream? {
        if case .stream(let stream) = self.transport { stream } else { nil }
    }

    /// Called when the fields of the stream's request have been decoded.
    func serve(_ reader: HTTP2RequestReader, endsStream: Bool) {
        guard self.request.isReadingHead else { return }  // the client has as many as it may have
        do throws(HTTPViolation) {
            let head = try reader.head(endsStream: endsStream, limits: self.worker.limits)
            self.input = reader.bytes
            self.pendingHead = PendingHead(head: head, table: reader.table)
            self.readStreamHead(after: nil)
        } catch {
            self.refuse(error)
        }
        // A head that has to wait is copied, so that it keeps no more memory than it needs.
        if self.pendingHead != nil { self.input = self.input.compacted() }
    }

    /// Handles the request's head: for the first time, or again after it had to wait for something.
    func readStreamHead(after lookup: LookupOutcome?) {
        guard let pendingHead else { return }
        var table = pendingHead.table
        self.worker.exchangeTable(&table)
        let buffer = self.input
        self.serve(pendingHead.head, buffer.readableBytesUInt8Span, after: lookup)
        self.worker.exchangeTable(&table)
    }

    // MARK: Its body

    /// Part of the request's body has come.
    func received(_ bytes: ByteBuffer, on stream: HTTP2Stream) {
        if self.request.isExchanging, self.exchange?.requestIsSent == true, !stream.inputHasEnded {
            // The body was already as long as its head had said.
            stream.connection?.drop(bytes.readableBytes, of: stream)
            self.abandonBody(.bodyContradictsLength)
        } else if self.takesBody, stream.input.readableBytes == 0, self.upstream?.isWritable == true {
            self.forwardBody(bytes, of: stream)
        } else if self.wantsBody {
            stream.keep(bytes)
        } else {
            stream.connection?.taken(bytes.readableBytes, of: stream)
        }
    }

    /// Whether the endpoint is connected and has not got the whole body.
    private var takesBody: Bool { self.request.isExchanging && self.exchange?.requestIsSent == false }

    /// Whether the endpoint gets a body now or later.
    private var wantsBody: Bool {
        switch self.request.state {
        case .head, .resolving, .holding, .connecting: true
        case .exchanging: self.exchange?.requestIsSent == false
        case .tunnel, .lingering, .streams, .closed: false
        }
    }

    /// Sends the part of the body that has arrived to the endpoint, as far as that takes it, and the body's end.
    func forwardStreamBody() {
        guard let stream, self.request.isExchanging, self.exchange != nil, let upstream else { return }
        if stream.input.readableBytes > 0, !self.takesBody { return self.abandonBody(.bodyContradictsLength) }
        if stream.input.readableBytes > 0, upstream.isWritable { self.forwardBody(stream.takeInput(), of: stream) }
        guard stream.inputHasEnded, stream.input.readableBytes == 0, self.takesBody else { return }
        do throws(HTTPViolation) {
            try self.exchange?.endRequestBody()
        } catch {
            return self.abandonBody(error)
        }
        if self.exchange?.request.framing == .chunked {
            var end = ByteBuffer(staticString: "0\r\n")
            end.writeImmutableBuffer(stream.requestTrailers)
            end.writeStaticString("\r\n")
            upstream.write(end)
        }
        self.armExchangeDeadline(.now())
    }

    private func forwardBody(_ bytes: ByteBuffer, of stream: HTTP2Stream) {
        guard let upstream, let exchange else { return }
        do throws(HTTPViolation) {
            try self.exchange?.takeRequestBody(bytes.readableBytes)
        } catch {
            stream.connection?.drop(bytes.readableBytes, of: stream)
            return self.abandonBody(error)
        }
        if self.exchange?.requestIsSent == true { stream.hasWholeBody = true }
        if case .chunked = exchange.request.framing {
            upstream.write(ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n"))
            upstream.write(bytes)
            upstream.write(ByteBuffer(staticString: "\r\n"))
        } else {
            upstream.write(bytes)
        }
        stream.connection?.taken(bytes.readableBytes, of: stream)
        self.armExchangeDeadline(.now())
        if !upstream.isWritable { upstream.flush() }
    }

    func flushUpstream() {
        self.upstream?.flush()
    }

    /// Ends the stream and the endpoint's connection when part of a request has been sent and its end will never come.
    func abandonBody(_ violation: HTTPViolation) {
        self.worker.metrics.refused(RefusalReason(violation))
        self.worker.logger.debug("request refused", metadata: [LogKey.reason: "\(violation.sentence)"])
        self.stream?.reset(.protocolError)
        self.close()
    }

    // MARK: Its response

    /// Hands the head of a response to the stream, as fields.
    ///
    /// - Parameter hasBody: Whether a body follows.
    func sendStreamHead(_ head: ResponseHead, _ bytes: Span<UInt8>, on stream: HTTP2Stream, hasBody: Bool) {
        guard let route = self.request.route, let notes = self.request.offer?.notes else { preconditionFailure("a response is to a request that has a route") }
        let policy = self.worker.policy
        let fields = self.worker.table.fields
        let rewriting = policy.rewriteResponse(head, fields, bytes, notes, ofCarried: route, to: self.visitor)
        self.worker.addedFields.clear()
        self.worker.responseFields.removeAll()
        self.worker.responseFields.add(
            fields, bytes, hiding: rewriting.hiddenField, cookieRules: rewriting.cookieRules, into: &self.worker.addedFields, status: head.status)
        if !head.hasDate, !head.isInterim { self.worker.addedFields.writeBytes(self.worker.date.field()) }
        if let added = rewriting.addedFields { self.worker.addedFields.writeBytes(added) }
        if rewriting.addsFields {
            policy.addResponseFields(head, fields, bytes, ofCarried: route, to: self.visitor, into: &self.worker.addedFields)
        }
        self.submit(
            status: head.statusAndReason, bytes, self.worker.addedFields, on: stream, isFinal: !head.isInterim, hasBody: hasBody)
        if let record { record.bytes += head.length }
    }

    /// - Parameter lines: Fields that the proxy adds, after those that are listed already.
    private func submit(
        status: Range<Int>, _ bytes: Span<UInt8>, _ lines: ByteBuffer, on stream: HTTP2Stream, isFinal: Bool, hasBody: Bool
    ) {
        self.worker.responseFields.addLines(lines.readableBytesUInt8Span)
        self.needsFlush = true
        let list = self.worker.responseFields
        bytes.withUnsafeBytes { bytes in
            lines.withUnsafeReadableBytes { lines in
                list.withFields(status: status, bytes, lines) { fields in
                    stream.connection?.submit(fields, on: stream, isFinal: isFinal, hasBody: hasBody)
                }
            }
        }
    }

    /// Hands an answer of the proxy's own to the stream.
    ///
    /// - Parameter lines: The fields of the answer.
    func sendStreamAnswer(status: Int, _ lines: ByteBuffer, body: String, on stream: HTTP2Stream) {
        self.worker.responseFields.removeAll()
        let digits = ByteBuffer(string: String(status))
        self.submit(status: 0..<3, digits.readableBytesUInt8Span, lines, on: stream, isFinal: true, hasBody: !body.isEmpty)
        if let record { record.bytes += lines.readableBytes + body.utf8.count }
        if body.isEmpty { return }
        stream.append(ByteBuffer(string: body))
        stream.end()
    }

    /// Hands the part of the response's body that has arrived to the stream: only the content, without the framing of HTTP/1.1.
    ///
    /// - Returns: How many of the endpoint's bytes have been handled.
    func forwardToStream(_ stream: HTTP2Stream) throws(HTTPViolation) -> Int {
        let buffer = self.upstreamInput
        let bytes = buffer.readableBytesUInt8Span
        var taken = 0
        // The content is handed over as one piece, however small the chunks were.
        var content = ByteBuffer()
        reading: while true {
            switch try self.exchange?.readResponseBody(bytes, from: taken, limits: self.worker.limits) ?? .ended {
            case .payload(let count):
                content.add(buffer, at: buffer.readerIndex + taken, length: count)
                taken += count
            case .framing(let count):
                // Of all framing, only trailers contain a colon.
                if bytes.firstIndex(of: .colon, in: taken..<(taken + count)) != nil {
                    self.responseTrailers.write(bytes, taken..<(taken + count))
                }
                taken += count
            case .extensions(let count): taken += count
            case .needsMore, .ended: break reading
            }
        }
        if let record { record.bytes += content.readableBytes }
        if taken > 0 { self.needsFlush = true }
        stream.append(content)
        if taken == buffer.readableBytes { self.upstreamInput = ByteBuffer() } else { self.upstreamInput.moveReaderIndex(forwardBy: taken) }
        return taken
    }

    // MARK: Its end

    /// Neither the endpoint nor the proxy has more to send: a complete response is sent to its end, within ``ProxyLimits/writeIdle``.
    func endStream() {
        self.endExchange()
        self.enterClosed()
        self.deadline = .now() + self.worker.limits.writeIdle
        self.stream?.finish()
        self.stream?.flush()
    }
}

/// The head of a request on a stream, until it is sent to an endpoint. Its bytes are the connection's `input`. An object of its own, so that connections
/// without one need no memory for it.
final class PendingHead {
    let head: RequestHead
    let table: FieldTable

    init(head: RequestHead, table: FieldTable) {
        self.head = head
        self.table = table
    }
}

extension ByteBuffer {
    /// Appends a part of another buffer. An empty buffer takes the part without copying it.
    mutating func add(_ other: ByteBuffer, at index: Int, length: Int) {
        guard let part = other.getSlice(at: index, length: length) else { return }
        if self.readableBytes == 0 { self = part } else { self.writeImmutableBuffer(part) }
    }
}
