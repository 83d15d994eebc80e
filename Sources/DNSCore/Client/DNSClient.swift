package import NIOCore
import NIOPosix

/// Asks one server one question: over UDP, with repetitions if no answer comes, and over TCP if the answer is truncated (RFC 7766 §5).
package struct DNSClient: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// No message came that answers the question.
        case timedOut
        /// An answer came that cannot be read, or that contradicts itself.
        case malformed
        /// The network reports that the server cannot be reached.
        case unreachable
    }

    /// Size of the buffer for one answer.
    private static let receiveBytes = 4096

    /// How long to wait for an answer each time the question is sent.
    package var timeout: TimeAmount = .seconds(2)
    package var attempts = 3
    private let group: any EventLoopGroup

    package init(group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        self.group = group
    }

    /// - Parameter recursion: whether the server is a resolver, which has to find the answer.
    package func ask(_ name: DNSName, _ type: RecordType, at server: SocketAddress, recursion: Bool) async throws(Failure) -> DNSMessage {
        var query = DNSMessage.query(
            name, type, id: UInt16.random(in: .min ... .max), payloadBytes: UInt16(Transport.maximumUDPBytes))
        if recursion { query.flags.insert(.recursionDesired) }
        for attempt in 1...max(self.attempts, 1) {
            do throws(Failure) {
                let answer = try await self.exchange(query, at: server, over: .udp)
                guard answer.flags.contains(.truncated) else { return answer }
                return try await self.exchange(query, at: server, over: .tcp)
            } catch {
                guard attempt < self.attempts, error == .timedOut else { throw error }
            }
        }
        throw .timedOut
    }

    private func exchange(_ query: DNSMessage, at server: SocketAddress, over transport: Transport) async throws(Failure) -> DNSMessage {
        let loop = self.group.next()
        let promise = loop.makePromise(of: DNSMessage.self)
        let deadline = loop.scheduleTask(in: self.timeout) { promise.fail(Failure.timedOut) }
        defer { deadline.cancel() }
        do {
            let channel = try await self.open(query, at: server, over: transport, on: loop, promise)
            defer { channel.close(promise: nil) }
            return try await promise.futureResult.get()
        } catch let error as Failure {
            promise.fail(error)
            throw error
        } catch {
            promise.fail(error)
            throw .unreachable
        }
    }

    private func open(
        _ query: DNSMessage, at server: SocketAddress, over transport: Transport, on loop: any EventLoop,
        _ promise: EventLoopPromise<DNSMessage>
    ) async throws -> any Channel {
        switch transport {
        case .udp:
            try await DatagramBootstrap(group: loop)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.receiveBytes))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramQueryHandler(query, promise))
                    }
                }
                .connect(to: server).get()
        case .tcp:
            try await ClientBootstrap(group: loop)
                .connectTimeout(self.timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(StreamQueryHandler(query, promise)) }
                }
                .connect(to: server).get()
        }
    }
}

extension DNSMessage {
    /// Whether this message answers the query. Datagrams from other senders may arrive on the socket too.
    fileprivate func answers(_ query: DNSMessage) -> Bool {
        self.id == query.id && self.flags.contains(.response) && self.questions == query.questions
    }
}

/// Sends the question as a datagram, and waits for its answer.
private final class DatagramQueryHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = ByteBuffer

    private let query: DNSMessage
    private let promise: EventLoopPromise<DNSMessage>

    init(_ query: DNSMessage, _ promise: EventLoopPromise<DNSMessage>) {
        self.query = query
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: 512)
        self.query.write(to: &buffer)
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A datagram that does not answer the question may be forged, and is ignored.
        let bytes = self.unwrapInboundIn(data).data
        guard let message = DNSMessage(bytes.readableBytesUInt8Span), message.answers(self.query) else { return }
        self.promise.succeed(message)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(DNSClient.Failure.unreachable)
        context.close(promise: nil)
    }
}

/// Sends the question over TCP, where each message is preceded by its length, and waits for its answer.
private final class StreamQueryHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let query: DNSMessage
    private let promise: EventLoopPromise<DNSMessage>
    private var received = ByteBuffer()

    init(_ query: DNSMessage, _ promise: EventLoopPromise<DNSMessage>) {
        self.query = query
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        var message = context.channel.allocator.buffer(capacity: 512)
        self.query.write(to: &message)
        var buffer = context.channel.allocator.buffer(capacity: 2 + message.readableBytes)
        buffer.writeInteger(UInt16(truncatingIfNeeded: message.readableBytes))
        buffer.writeBuffer(&message)
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
        guard let length = self.received.getInteger(at: self.received.readerIndex, as: UInt16.self),
            let slice = self.received.getSlice(at: self.received.readerIndex + 2, length: Int(length))
        else { return }
        if let message = DNSMessage(slice.readableBytesUInt8Span), message.answers(self.query) {
            self.promise.succeed(message)
        } else {
            self.promise.fail(DNSClient.Failure.malformed)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { self.promise.fail(DNSClient.Failure.unreachable) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(DNSClient.Failure.unreachable)
        context.close(promise: nil)
    }
}
