import DNSCore
import NIOCore
import NIOPosix

/// A UDP socket connected to a server on this machine.
final class DatagramClient: Sendable {
    struct NoAnswer: Error {}

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.continuation.yield(self.unwrapInboundIn(data).data)
        }
    }

    /// Longer than any answer takes.
    private static let patience = TimeAmount.seconds(20)

    private let channel: any Channel
    private let answers: AsyncStream<ByteBuffer>

    /// - Parameter host: of this machine. Only what comes from there is received.
    init(host: String = "127.0.0.1", port: Int) async throws {
        let (answers, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.answers = answers
        self.channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(continuation)) }
            }
            .connect(host: host, port: port).get()
        self.channel.eventLoop.scheduleTask(in: Self.patience) { continuation.finish() }
    }

    deinit { self.channel.close(promise: nil) }

    func send(_ message: DNSMessage) async throws { try await self.send(message.bytes) }

    func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func receive() async throws -> DNSMessage? {
        for await bytes in self.answers { return DNSMessage.read(bytes) }
        throw NoAnswer()
    }
}
