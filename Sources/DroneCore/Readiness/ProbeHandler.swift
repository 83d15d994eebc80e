import NIOCore

/// Sends one request, and tells whether what comes back begins like an HTTP response.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How every HTTP/1 response begins (RFC 9112 §4).
    private static let protocolName: [UInt8] = Array("HTTP/".utf8)

    private let host: String
    private let limit: TimeAmount
    private let answer: EventLoopPromise<ProbeResult>
    private var received = 0
    private var stood = false
    private var deadline: Scheduled<Void>?

    /// - Parameter answer: Completed at the latest when the channel has closed.
    init(host: String, limit: TimeAmount, answer: EventLoopPromise<ProbeResult>) {
        self.host = host
        self.limit = limit
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        self.stood = true
        let request = "GET / HTTP/1.1\r\nHost: \(self.host)\r\nUser-Agent: plane-readiness\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.limit) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in self.unwrapInboundIn(data).readableBytesView where self.received < Self.protocolName.count {
            guard byte == Self.protocolName[self.received] else { return context.close(promise: nil) }
            self.received += 1
        }
        guard self.received == Self.protocolName.count else { return }
        self.answer.succeed(.answered)
        context.close(promise: nil)
    }

    /// Not at `channelInactive`, which a channel that is closed in the moment its connection stands does not see.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.answer.succeed(.unanswered(self.stood ? .mute : .closed))  // without effect after an answer
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
