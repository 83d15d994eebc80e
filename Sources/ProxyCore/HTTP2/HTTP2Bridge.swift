import EpollTransport
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Stands between one stream of HTTP/2 and the ``ClientConnection`` that serves it as if it were a connection of HTTP/1.1: turns
/// frames into bytes, and bytes into frames. So there is one way through the proxy, with one set of rules, whatever browsers speak.
///
/// ```
///   HEADERS, DATA … ──► request head, chunks ──►  ClientConnection
///   HEADERS, DATA … ◄── response head, body  ◄──  (knows nothing of it)
/// ```
final class HTTP2Bridge: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum Request {
        case head
        case body(HTTP2RequestBody)
        case ended
    }

    private enum Response {
        case head
        case body(BodyReader)
        /// END_STREAM has been written.
        case ended
    }

    private let worker: ProxyWorker
    private let waiting: WaitingFrames
    private var stream: HTTP2StreamID?
    private var request = Request.head
    private var response = Response.head
    private var isHEAD = false
    /// Of the response, as far as they have come.
    private var trailers = HPACKHeaders()
    /// Bytes of the response not dealt with yet.
    private var output = ByteBuffer()
    private var scanner = HeadScanner()
    /// The response must not look whole.
    private var isCutOff = false
    /// END_STREAM has left, or the stream is gone.
    private var isFlushed = false
    private var closesWhenFlushed = false

    init(worker: ProxyWorker, waiting: WaitingFrames) {
        self.worker = worker
        self.waiting = waiting
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Streams of clients have their number from the beginning.
        self.stream = try? context.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)
    }

    // MARK: Request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .headers(let frame):
            if case .head = self.request {
                self.readHead(context, frame.headers, endsStream: frame.endStream)
            } else {
                self.endRequest(context, trailers: frame.headers)
            }
        case .data(let frame):
            if let stream { self.waiting.delivered(on: stream) }
            guard case .byteBuffer(let bytes) = frame.data else { return }
            self.readBody(context, bytes)
            if frame.endStream { self.endRequest(context) }
        default:
            break
        }
    }

    private func readHead(_ context: ChannelHandlerContext, _ headers: HPACKHeaders, endsStream: Bool) {
        do throws(HTTPViolation) {
            let head = try HTTP2RequestWriter.head(headers, endsStream: endsStream)
            self.isHEAD = head.isHEAD
            self.request = endsStream ? .ended : .body(head.body)
            context.fireChannelRead(self.wrapInboundOut(head.bytes))
        } catch {
            self.request = .ended
            context.fireUserInboundEventTriggered(UnreadableRequest(violation: error))
        }
    }

    private func readBody(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        guard case .body(var body) = self.request, bytes.readableBytes > 0 else { return }
        do throws(HTTPViolation) {
            try body.take(bytes.readableBytes)
        } catch {
            return self.abandon(context, error)
        }
        self.request = .body(body)
        guard body.isChunked else { return context.fireChannelRead(self.wrapInboundOut(bytes)) }
        var chunk = ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n")
        chunk.writeImmutableBuffer(bytes)
        chunk.writeStaticString("\r\n")
        context.fireChannelRead(self.wrapInboundOut(chunk))
    }

    /// - Parameter trailers: Behind a body whose length was told HTTP/1.1 has no place for them (RFC 9112 §7.1.2).
    private func endRequest(_ context: ChannelHandlerContext, trailers: HPACKHeaders = [:]) {
        guard case .body(let body) = self.request else { return }
        do throws(HTTPViolation) {
            try body.end()
            let end = try HTTP2RequestWriter.end(trailers)
            self.request = .ended
            if body.isChunked { context.fireChannelRead(self.wrapInboundOut(end)) }
        } catch {
            self.abandon(context, error)
        }
    }

    /// A part of the request has been sent on, and its end will never come: the stream ends, and the backend's connection with it.
    private func abandon(_ context: ChannelHandlerContext, _ violation: HTTPViolation) {
        self.worker.metrics.refused(RefusalReason(violation))
        self.worker.logger.debug("request refused", metadata: ["reason": "\(violation.sentence)"])
        self.request = .ended
        self.isCutOff = true
        self.closeStream(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The end of the request is not the end of the client, as it would be on a connection.
        if event as? ChannelEvent == .inputClosed { return }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Response

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = self.unwrapOutboundIn(data)
        if self.output.readableBytes == 0 { swap(&self.output, &bytes) } else { self.output.writeImmutableBuffer(bytes) }
        self.translate(context)
        promise?.succeed()
    }

    private func translate(_ context: ChannelHandlerContext) {
        do throws(HTTPViolation) {
            while case .head = self.response {
                guard try self.translateHead(context) else { return }
            }
            try self.translateBody(context)
        } catch {
            // It has been read and written by the proxy itself just before.
            self.worker.logger.error("a response could not be translated to HTTP/2", metadata: ["reason": "\(error.sentence)"])
            self.isCutOff = true
            self.closeStream(context)
        }
    }

    /// False when there is no whole head yet.
    private func translateHead(_ context: ChannelHandlerContext) throws(HTTPViolation) -> Bool {
        let buffer = self.output
        let bytes = buffer.readableBytesUInt8Span
        // The proxy adds some bytes to what it takes from a backend.
        var limits = self.worker.limits
        limits.headBytes *= 2
        limits.fieldCount += 8
        guard let length = try self.scanner.scan(bytes, limits: limits) else { return false }
        self.scanner = HeadScanner()
        var table = FieldTable()
        let whole = bytes.extracting(0..<length)
        let head = try ResponseHead.read(whole, length: length, isAnswerToHEAD: self.isHEAD, into: &table, limits: limits)
        let headers = Self.headers(head, table.fields, whole)
        self.output.moveReaderIndex(forwardBy: length)
        if head.isInterim {
            self.write(context, .headers(.init(headers: headers)))
        } else if head.framing == .none {
            self.writeLast(context, .headers(.init(headers: headers, endStream: true)))
        } else {
            self.response = .body(BodyReader(head.framing))
            self.write(context, .headers(.init(headers: headers)))
        }
        return true
    }

    private static func headers(_ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.reserveCapacity(fields.count + 1)
        headers.add(name: ":status", value: String(head.status))
        for field in fields where !field.kind.isHopByHop && field.kind != .transferEncoding {
            headers.add(name: Self.text(bytes, field.name).lowercased(), value: Self.text(bytes, field.value))
        }
        return headers
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private func translateBody(_ context: ChannelHandlerContext) throws(HTTPViolation) {
        guard case .body(var reader) = self.response else { return }
        let buffer = self.output
        let bytes = buffer.readableBytesUInt8Span
        var taken = 0
        // As one piece, however small the chunks are in which it came: each piece costs more than some bytes do.
        var content = ByteBuffer()
        reading: while true {
            switch try reader.next(bytes, from: taken, limits: self.worker.limits) {
            case .payload(let count):
                content.add(buffer, at: buffer.readerIndex + taken, length: count)
                taken += count
            case .framing(let count):
                self.takeTrailer(bytes, taken..<(taken + count))
                taken += count
            case .extensions(let count): taken += count
            case .needsMore, .ended: break reading
            }
        }
        if taken == buffer.readableBytes { self.output = ByteBuffer() } else { self.output.moveReaderIndex(forwardBy: taken) }
        self.response = .body(reader)
        if reader.hasEnded, self.trailers.isEmpty {
            self.writeEnd(context, content.compacted())
        } else if reader.hasEnded {
            if content.readableBytes > 0 { self.write(context, .data(.init(data: .byteBuffer(content.compacted())))) }
            self.writeLast(context, .headers(.init(headers: self.trailers, endStream: true)))
        } else if content.readableBytes > 0 {
            self.write(context, .data(.init(data: .byteBuffer(content.compacted()))))
        }
    }

    /// Of the pieces of framing only a trailer has a colon.
    private func takeTrailer(_ bytes: Span<UInt8>, _ piece: Range<Int>) {
        guard let colon = bytes.firstIndex(of: .colon, in: piece) else { return }
        var value = (colon + 1)..<piece.upperBound
        while let last = value.last, bytes[last].isBlank || bytes[last] == .carriageReturn || bytes[last] == .lineFeed { value.removeLast() }
        while let first = value.first, bytes[first].isBlank { value.removeFirst() }
        self.trailers.add(name: Self.text(bytes, piece.lowerBound..<colon).lowercased(), value: Self.text(bytes, value))
    }

    private func writeEnd(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        self.writeLast(context, .data(.init(data: .byteBuffer(bytes), endStream: true)))
    }

    private func write(_ context: ChannelHandlerContext, _ payload: HTTP2Frame.FramePayload) {
        context.write(self.wrapOutboundOut(payload), promise: nil)
    }

    private func writeLast(_ context: ChannelHandlerContext, _ payload: HTTP2Frame.FramePayload) {
        self.response = .ended
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.isFlushed = true
            self.finish(context)
        }
        context.write(self.wrapOutboundOut(payload), promise: written)
    }

    // MARK: The end

    /// The end of a stream is not a matter of closing, as that of a connection is: it ends when both sides have said so.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input: promise?.fail(ChannelError.operationUnsupported)
        case .output, .all:
            promise?.succeed()
            self.closeStream(context)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is CutOff else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.isCutOff = true
        promise?.succeed()
    }

    private func closeStream(_ context: ChannelHandlerContext) {
        if case .body(let reader) = self.response, reader.endsWithConnection, !self.isCutOff {
            self.writeEnd(context, ByteBuffer())
            context.flush()
        }
        guard case .ended = self.response, !self.isCutOff else { return context.close(promise: nil) }
        guard !self.closesWhenFlushed else { return }
        self.closesWhenFlushed = true
        // A client that takes nothing of what waits for it does not keep the stream for ever.
        let cut = context.eventLoop.assumeIsolated().scheduleTask(in: self.worker.limits.writeIdle) { context.close(promise: nil) }
        context.channel.closeFuture.assumeIsolated().whenComplete { _ in cut.cancel() }
        self.finish(context)
    }

    /// The response has left as a whole; what the client still sends of its request nobody waits for (RFC 9113 §8.1).
    private func finish(_ context: ChannelHandlerContext) {
        guard self.isFlushed, self.closesWhenFlushed, context.channel.isActive else { return }
        if case .ended = self.request { return }
        context.writeAndFlush(self.wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }
}

extension ByteBuffer {
    /// Adds a part of another buffer at the end. The first shares its memory.
    mutating func add(_ other: ByteBuffer, at index: Int, length: Int) {
        guard let part = other.getSlice(at: index, length: length) else { return }
        if self.readableBytes == 0 { self = part } else { self.writeImmutableBuffer(part) }
    }
}

/// A request that has no form in HTTP/1.1, to be answered and told as any other that cannot be read.
struct UnreadableRequest {
    let violation: HTTPViolation
}

/// Asks for an end that cannot be taken for the end of the response.
struct CutOff {}
