import NetworkAddresses
import NIOCore
import NIOPosix
import NIOSSL

/// Requests a page from a drone's proxy, like a visitor. The name in the request is no backend's, so the request keeps none from becoming idle. Any answer in
/// HTTP shows that the proxy runs and knows its backends.
enum PageProbe {
    static let limit: TimeAmount = .seconds(5)
    /// A label that no backend can have: ids begin with a letter or a digit.
    static let label = "_plane-doctor"

    /// - Returns: the status of the answer, or why there is none.
    static func ask(_ address: IPAddress, port: UInt16, host: String, isHTTPS: Bool) async -> DoctorReport.Page.Outcome {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: Int.self)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(self.limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if isHTTPS {
                            try channel.pipeline.syncOperations.addHandler(try self.tls(host: host))
                        }
                        try channel.pipeline.syncOperations.addHandler(PageStatusHandler(host: host, answer: answer))
                    }
                }
                .connect(to: try SocketAddress(ipAddress: "\(address)", port: Int(port))).get()
            loop.scheduleTask(in: self.limit) { answer.fail(ChannelError.connectTimeout(self.limit)) }
            defer { channel.close(promise: nil) }
            return .answered(status: try await answer.futureResult.get())
        } catch {
            answer.fail(error)
            return .failed(HandshakeFailure.words(for: error), isRefused: (error as? IOError)?.errnoCode == 111)
        }
    }

    /// Whether the certificate is trusted is not checked here.
    private static func tls(host: String) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["http/1.1"]
        // A label that begins with an underscore is not allowed in SNI, so the cluster's own name is used.
        let name = host.split(separator: ".", maxSplits: 1).last.map(String.init)
        return try NIOSSLClientHandler(context: try NIOSSLContext(configuration: configuration), serverHostname: name)
    }

    /// The answer was not HTTP.
    struct NoHTTP: Error {}
}

/// Sends the request as soon as the connection is made, and reads the status of the answer.
private final class PageStatusHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let host: String
    private let answer: EventLoopPromise<Int>
    private var head: [UInt8] = []

    /// The length of the beginning of an answer, such as `HTTP/1.1 404`.
    private static let length = 12

    init(host: String, answer: EventLoopPromise<Int>) {
        self.host = host
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let request = "GET / HTTP/1.1\r\nHost: \(self.host)\r\nUser-Agent: plane-doctor\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.head += self.unwrapInboundIn(data).readableBytesView.prefix(Self.length - self.head.count)
        guard self.head.count == Self.length else { return }
        let text = String(decoding: self.head, as: UTF8.self)
        if text.hasPrefix("HTTP/1."), let status = Int(text.suffix(3)) { self.answer.succeed(status) } else { self.answer.fail(PageProbe.NoHTTP()) }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.answer.fail(PageProbe.NoHTTP())  // without effect after an answer
        context.fireChannelInactive()
    }
}
