import NIOCore
import PlaneProtocol

/// Sends one request, and finds out whether the answer begins like an HTTP response.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The first bytes of every HTTP/1 response (RFC 9112 §4).
    private static let protocolName: [UInt8] = Array("HTTP/".utf8)
    /// Bytes of a status line up to the end of its status: `HTTP/1.1 200` (RFC 9112 §4).
    private static let statusEnd = 12

    private let host: String
    private let terms: ReadinessTerms
    private let limit: TimeAmount
    private let answer: EventLoopPromise<ProbeResult>
    private var received: [UInt8] = []
    /// The status of a response that was not the expected one.
    private var otherStatus: UInt16?
    private var stood = false
    private var deadline: Scheduled<Void>?

    /// - Parameter answer: completed at the latest when the channel has closed.
    init(host: String, terms: ReadinessTerms, limit: TimeAmount, answer: EventLoopPromise<ProbeResult>) {
        self.host = host
        self.terms = terms
        self.limit = limit
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        self.stood = true
        let request = "GET \(self.terms.path ?? "/") HTTP/1.1\r\nHost: \(self.host)\r\nUser-Agent: plane-readiness\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.limit) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wanted = self.terms.status == nil ? Self.protocolName.count : Self.statusEnd
        self.received += self.unwrapInboundIn(data).readableBytesView.prefix(wanted - self.received.count)
        guard zip(self.received, Self.protocolName).allSatisfy({ $0 == $1 }) else { return context.close(promise: nil) }
        guard self.received.count == wanted else { return }
        if let expected = self.terms.status {
            let status = UInt16(String(decoding: self.received.suffix(3), as: UTF8.self))
            if status != expected {
                self.otherStatus = status
                return context.close(promise: nil)
            }
        }
        self.answer.succeed(.answered)
        context.close(promise: nil)
    }

    /// Not in `channelInactive`: that is not called for a channel that is closed at the moment at which its connection is made.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.answer.succeed(.unanswered(self.otherStatus.map { .otherStatus($0) } ?? (self.stood ? .mute : .closed)))  // without effect after an answer
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
