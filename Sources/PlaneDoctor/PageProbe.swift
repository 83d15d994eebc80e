import NetworkAddresses
import NIOCore
import NIOPosix
import NIOSSL

/// Requests a page from a drone's proxy, like a visitor. The name in the request is no backend's, so the request keeps none from becoming idle, and is handed on
/// where `proxy.passthrough` or `proxy.forward` says. An answer in HTTP that is no error of a gateway shows that the proxy runs and knows its backends.
enum PageProbe {
    static let limit: TimeAmount = .seconds(5)
    /// A label that no backend can have: ids begin with a letter or a digit.
    static let label = "_plane-doctor"
    /// What a proxy says that cannot find out where a request goes.
    static let knowsNoBackends = "The proxy could not look the backend up."

    /// - Returns: the status of the answer, or why there is none.
    static func ask(_ address: IPAddress, port: UInt16, host: String, isHTTPS: Bool) async -> DoctorReport.Page.Outcome {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: DoctorReport.Page.Outcome.self)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(self.limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if isHTTPS {
                            try channel.pipeline.syncOperations.addHandler(try self.tls(host: host))
                        }
                        try channel.pipeline.syncOperations.addHandler(PageAnswerHandler(host: host, answer: answer))
                    }
                }
                .connect(to: try SocketAddress(ipAddress: "\(address)", port: Int(port))).get()
            defer { channel.close(promise: nil) }
            return try await answer.futureResult.get()
        } catch is NoAnswer {
            return .silent
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
    /// None came in time.
    struct NoAnswer: Error {}
}

/// Sends the request as soon as the connection is made, and reads the beginning of the answer.
private final class PageAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let host: String
    private let answer: EventLoopPromise<DoctorReport.Page.Outcome>
    private var bytes: [UInt8] = []
    private var timer: Scheduled<Void>?

    /// The length of the beginning of an answer, such as `HTTP/1.1 404`.
    private static let statusLength = 12
    /// The most bytes that are read of an answer whose text is wanted; those of the proxy are far shorter.
    private static let limit = 4096

    init(host: String, answer: EventLoopPromise<DoctorReport.Page.Outcome>) {
        self.host = host
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: PageProbe.limit) {
            // What has come until now counts: a status is an answer, though its text may be missing.
            self.end(PageProbe.NoAnswer())
            channel.close(promise: nil)
        }
        let request = "GET / HTTP/1.1\r\nHost: \(self.host)\r\nUser-Agent: plane-doctor\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes += self.unwrapInboundIn(data).readableBytesView.prefix(Self.limit - self.bytes.count)
        guard self.bytes.count >= Self.statusLength else { return }
        guard let status = self.status else {
            self.answer.fail(PageProbe.NoHTTP())
            return context.close(promise: nil)
        }
        // Only these statuses have two causes, which the text tells apart.
        let isClear = status != 502 && status != 504
        guard isClear || self.saysThatItKnowsNoBackends || self.bytes.count == Self.limit else { return }
        self.succeed(status)
        context.close(promise: nil)
    }

    private var status: Int? {
        let text = String(decoding: self.bytes.prefix(Self.statusLength), as: UTF8.self)
        return text.hasPrefix("HTTP/1.") ? Int(text.suffix(3)) : nil
    }

    private var saysThatItKnowsNoBackends: Bool { String(decoding: self.bytes, as: UTF8.self).contains(PageProbe.knowsNoBackends) }

    private func succeed(_ status: Int) {
        let isOwn = (status == 502 || status == 504) && self.saysThatItKnowsNoBackends
        self.answer.succeed(isOwn ? .knowsNoBackends(status: status) : .answered(status: status))
    }

    /// The answer ends here. Without effect after an outcome.
    private func end(_ error: any Error) {
        if self.bytes.count >= Self.statusLength, let status = self.status { self.succeed(status) } else { self.answer.fail(error) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.end(PageProbe.NoHTTP())
        context.fireChannelInactive()
    }

}
