import NIOCore
import NIOHTTP1

/// Answers `GET /metrics`; there is one for each connection. A collector waits for an answer before its next request. A client that does not is disconnected,
/// so that at most one answer waits for it.
final class MetricsRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The time limit for a whole request, the pause before it included. It allows a collector to keep its connection between two scrapes, which usually are
    /// 15 to 60 s apart. A client cannot extend it by sending or taking single bytes.
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
