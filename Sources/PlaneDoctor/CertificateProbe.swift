import NetworkAddresses
import NIOCore
import NIOPosix
import NIOSSL
import PlaneProtocol

/// Makes a TLS handshake with a drone's proxy, and reads the certificate that it presents.
enum CertificateProbe {
    static let limit: TimeAmount = .seconds(5)

    static func handshake(with address: IPAddress, port: UInt16, host: String) async -> DoctorReport.Handshake {
        var handshake = DoctorReport.Handshake(host: host, address: "\(address):\(port)", outcome: .failed("nobody has tried"))
        do {
            handshake.outcome = .certificate(notAfter: try await self.notAfter(address: "\(address)", port: Int(port), host: host))
        } catch {
            var error = error
            // A server that speaks first may take our hello for nonsense, and close the connection before its own text is read. So another attempt is made
            // without a hello.
            if HandshakeFailure.isCutOff(error), await self.speaksFirst(address: "\(address)", port: Int(port)) { error = NoTLS() }
            handshake.outcome = .failed(HandshakeFailure.words(for: error))
        }
        return handshake
    }

    /// The answer was no TLS record.
    struct NoTLS: Error {}

    /// How long to wait for a server that speaks first; a TLS server waits for a hello (RFC 8446 §2).
    private static let listeningLimit: TimeAmount = .seconds(1)

    private static func speaksFirst(address: String, port: Int) async -> Bool {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let heard = loop.makePromise(of: Bool.self)
        let channel = try? await ClientBootstrap(group: loop)
            .connectTimeout(self.limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(FirstBytes { heard.succeed($0 != nil) }) }
            }
            .connect(to: try SocketAddress(ipAddress: address, port: port)).get()
        guard let channel else {
            heard.succeed(false)
            return false
        }
        loop.scheduleTask(in: self.listeningLimit) { heard.succeed(false) }
        defer { channel.close(promise: nil) }
        return (try? await heard.futureResult.get()) ?? false
    }

    /// Whether the chain is trusted is not checked: this machine does not trust a test authority.
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
                        let words = FirstBytes { first in
                            if let first, !self.beginsRecord(first) { shown.fail(NoTLS()) }
                        }
                        try channel.pipeline.syncOperations.addHandler(words)
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

extension CertificateProbe {
    /// Whether the byte begins a server's answer to a hello: an alert or a handshake message (RFC 8446 §5.1).
    fileprivate static func beginsRecord(_ byte: UInt8) -> Bool { byte == 21 || byte == 22 }
}

/// Reports the first byte that comes, once; nil if the connection ends without one.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var tell: (@Sendable (UInt8?) -> Void)?

    init(_ tell: @escaping @Sendable (UInt8?) -> Void) { self.tell = tell }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        if let first = bytes.readableBytesView.first {
            self.tell?(first)
            self.tell = nil
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.tell?(nil)
        self.tell = nil
        context.fireChannelInactive()
    }
}

/// Reports that the connection has failed before the end of the handshake.
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
