import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP server that says what a test tells it to: a daemon of another version, one that is stuck, a registry.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        /// Path and query.
        var target: String
        var headers: HTTPHeaders
    }

    enum Reply: Sendable {
        case text(HTTPResponseStatus, headers: [(String, String)] = [], String)
        case bytes([UInt8], headers: [(String, String)])
        /// The head and the beginning of a body whose rest never comes.
        case stalledBody(String)
        /// Nothing, ever.
        case silence
    }

    private let channel: any Channel
    let address: SocketAddress

    var port: Int { self.channel.localAddress?.port ?? 0 }

    private init(channel: any Channel, address: SocketAddress) {
        self.channel = channel
        self.address = address
    }

    deinit {
        self.channel.close(promise: nil)
    }

    /// - Parameter socketPath: a unix socket to make; nil listens on a free port of loopback.
    static func start(
        socketPath: String? = nil, answer: @escaping @Sendable (Request) -> Reply
    ) async throws -> ScriptedServer {
        let address =
            if let socketPath {
                try SocketAddress(unixDomainSocketPath: socketPath)
            } else {
                try SocketAddress(ipAddress: "127.0.0.1", port: 0)
            }
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.configureHTTPServerPipeline()
                    try child.pipeline.syncOperations.addHandler(Handler(answer: answer))
                }
            }
            .bind(to: address).get()
        return ScriptedServer(channel: channel, address: address)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (Request) -> Reply
        private var head: HTTPRequestHead?

        init(answer: @escaping @Sendable (Request) -> Reply) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body: break
            case .end:
                guard let head else { return }
                self.write(self.answer(Request(target: head.uri, headers: head.headers)), isHead: head.method == .HEAD, context)
            }
        }

        private func write(_ reply: Reply, isHead: Bool, _ context: ChannelHandlerContext) {
            var headers = HTTPHeaders()
            var body: [UInt8] = []
            var status = HTTPResponseStatus.ok
            switch reply {
            case .silence: return
            case .stalledBody(let text):
                headers.add(name: "Content-Length", value: "1000000")
                body = Array(text.utf8)
            case .text(let code, let more, let text):
                status = code
                body = Array(text.utf8)
                headers.add(contentsOf: more)
                headers.replaceOrAdd(name: "Content-Length", value: String(body.count))
            case .bytes(let bytes, let more):
                body = bytes
                headers.add(contentsOf: more)
                headers.replaceOrAdd(name: "Content-Length", value: String(body.count))
            }
            context.write(self.wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
            if !isHead { context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil) }
            if case .stalledBody = reply { context.flush() } else { context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil) }
        }
    }
}
