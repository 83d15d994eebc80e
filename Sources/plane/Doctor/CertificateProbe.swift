import NetworkAddresses
import NIOCore
import NIOPosix
import NIOSSL
import PlaneProtocol

/// Shakes hands with a drone's proxy, and looks at the certificate it shows.
enum CertificateProbe {
    static let limit: TimeAmount = .seconds(5)

    static func handshake(with address: IPAddress, port: UInt16, host: String) async -> Examination.Handshake {
        var handshake = Examination.Handshake(host: host, address: "\(address):\(port)", outcome: .failed("nobody has tried"))
        do {
            handshake.outcome = .certificate(notAfter: try await self.notAfter(address: "\(address)", port: Int(port), host: host))
        } catch {
            handshake.outcome = .failed(HandshakeFailure.words(for: error))
        }
        return handshake
    }

    /// Whether the chain is trusted is not asked here: a test authority is none of the machine's.
    private static func notAfter(address: String, port: Int, host: String) async throws -> Int64 {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let shown = loop.makePromise(of: Int64.self)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        let context = try NIOSSLContext(configuration: configuration)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .connectTimeout(self.limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = try NIOSSLClientHandler(context: context, serverHostname: host) { certificates, verified in
                            if let leaf = certificates.first { shown.succeed(Int64(leaf.notValidAfter)) }
                            verified.succeed(.certificateVerified)
                        }
                        try channel.pipeline.syncOperations.addHandler(handler)
                        try channel.pipeline.syncOperations.addHandler(FailureForwarder(shown))
                    }
                }
                .connect(to: try SocketAddress(ipAddress: address, port: port)).get()
        } catch {
            shown.fail(error)
            return try await shown.futureResult.get()
        }
        loop.scheduleTask(in: self.limit) { shown.fail(ChannelError.connectTimeout(self.limit)) }
        defer { channel.close(promise: nil) }
        return try await shown.futureResult.get()
    }
}

/// Tells whoever waits for the handshake that there will be none.
private final class FailureForwarder: ChannelInboundHandler {
    typealias InboundIn = Any

    private let shown: EventLoopPromise<Int64>

    init(_ shown: EventLoopPromise<Int64>) { self.shown = shown }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.shown.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.shown.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}
