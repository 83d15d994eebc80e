import NIOCore
import NIOHTTP1

/// Answers `GET /metrics`; one for each connection. A collector asks when it has been answered: a client that asks on before it has
/// taken what it was told is disconnected, so that no more than one answer waits for it.
final class MetricsRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// For a whole request, the time before it included. Between two scrapes a collector may keep its connection; this covers the usual
    /// 15 to 60 s. Single bytes do not keep it, neither as it sends nor as it takes them.
    private static let requestLimit: TimeAmount = .seconds(75)

    private let text: @Sendable () -> String
    private var head: HTTPRequestHead?
    private var deadline: Scheduled<Void>?

    init(text: @escaping @Sendable () -> String) {
        self.text = text
    }

    func handlerAdded(context: ChannelHandlerContext) { self.waitForRequest(context: context) }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    private func waitForRequest(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        let channel = context.channel
        self.deadline = context.eventLoop.scheduleTask(in: Self.requestLimit) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            guard context.channel.isWritable else {
                context.close(promise: nil)
                return
            }
            self.waitForRequest(context: context)
            self.answer(head, context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, context: ChannelHandlerContext) {
        let path = request.uri.prefix { $0 != "?" }
        let (status, body): (HTTPResponseStatus, String) =
            switch (path, request.method) {
            case ("/metrics", .GET), ("/metrics", .HEAD): (.ok, self.text())
            case ("/metrics", _): (.methodNotAllowed, "only GET\n")
            default: (.notFound, "only /metrics is here\n")
            }
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(body.utf8.count)")
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        let end = context.writeAndFlush(self.wrapOutboundOut(.end(nil)))
        if !request.isKeepAlive {
            let channel = context.channel
            end.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
