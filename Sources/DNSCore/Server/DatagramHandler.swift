import NIOCore
import Synchronization

/// Answers the datagrams of one socket. All answers to what one system call read are sent with one, too.
final class DatagramHandler<Source: RecordSource>: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let responder: Responder<Source>
    private let counters: ServerCounters
    private var limiter: ResponseRateLimiter?

    init(responder: Responder<Source>, limiter: ResponseRateLimiter?, counters: ServerCounters) {
        self.responder = responder
        self.limiter = limiter
        self.counters = counters
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = self.unwrapInboundIn(data)
        guard let network = ClientNetwork.of(envelope.remoteAddress), let response = self.responder.response(to: envelope.data, over: .udp)
        else {
            self.counters.ignored.add(1, ordering: .relaxed)
            return
        }
        self.counters.udpQuestions.add(1, ordering: .relaxed)
        switch self.verdict(on: response, to: envelope.data, network: network) {
        case .answer:
            self.counters.count(response.code)
            if response.isTruncated { self.counters.truncated.add(1, ordering: .relaxed) }
            self.send(response.bytes, to: envelope.remoteAddress, context: context)
        case .truncate:
            self.counters.limited.add(1, ordering: .relaxed)
            guard let query = response.query else { return }
            self.send(self.responder.truncated(query, in: envelope.data), to: envelope.remoteAddress, context: context)
        case .drop:
            self.counters.limited.add(1, ordering: .relaxed)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    /// An error that the socket survives, such as a network that cannot be reached. One that it does not survive closes it, and then
    /// the server opens another.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func send(_ bytes: ByteBuffer, to client: SocketAddress, context: ChannelHandlerContext) {
        // A client that gets nothing asks again, so what the kernel does not take now is not worth memory.
        guard context.channel.isWritable else {
            self.counters.congested.add(1, ordering: .relaxed)
            return
        }
        context.write(self.wrapOutboundOut(AddressedEnvelope(remoteAddress: client, data: bytes)), promise: nil)
    }

    private func verdict(on response: Response, to message: ByteBuffer, network: UInt64) -> ResponseRateLimiter.Verdict {
        guard self.limiter != nil else { return .answer }
        let subject =
            switch response.subject {
            case .name:
                message.readableBytesUInt8Span.extracting(
                    Query.nameStart..<(Query.nameStart + (response.query?.nameBytes ?? 0))
                ).foldedHash(seed: 1)
            case .absence(let zone): zone.wire.span.foldedHash(seed: 2)
            case .failure: UInt64(3)
            }
        let milliseconds = NIODeadline.now().uptimeNanoseconds / 1_000_000
        return self.limiter?.verdict(network: network, subject: subject, at: milliseconds) ?? .answer
    }
}
