import NIOCore
import NIOPosix
import NIOSSL
import PlaneTestSupport

/// A backend that speaks TLS. It answers a request by as many bytes as its body has; to one that wants to switch protocols it sends ``tunnelled`` bytes, and a
/// last one when as many have come.
final class SecureBackend: Sendable {
    static let tunnelled = 1_000_000

    let address: SocketAddress

    private init(address: SocketAddress) { self.address = address }

    /// Runs `body` with one.
    static func run<Result>(_ certificates: TestCertificates, _ body: (SecureBackend) async throws -> Result) async throws -> Result {
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.path("server.pem")).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.path("server.key"), format: .pem))))
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // The proxy can send little at once.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 4096)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(NIOSSLServerHandler(context: context), Handler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let backend = SecureBackend(address: try SocketAddress(ipAddress: "127.0.0.1", port: channel.localAddress?.port ?? 0))
        do {
            let result = try await body(backend)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var head = ""
        /// Bytes that are still to come of a body, or through a tunnel; nil before the end of a head.
        private var left: Int?
        private var expected = 0
        private var isTunnel = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = self.unwrapInboundIn(data)
            if self.left == nil { self.readHead(&bytes, context) }
            guard let left = self.left else { return }
            self.left = left - bytes.readableBytes
            guard self.left == 0 else { return }
            if self.isTunnel { return self.write("!", context) }
            self.write("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: \(self.expected)\r\n\r\n", context)
            self.write(String(repeating: "a", count: self.expected), context)
            (self.head, self.left) = ("", nil)
        }

        private func readHead(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
            while !self.head.hasSuffix("\r\n\r\n"), let byte = bytes.readInteger(as: UInt8.self) { self.head.unicodeScalars.append(Unicode.Scalar(byte)) }
            guard self.head.hasSuffix("\r\n\r\n") else { return }
            let lines = self.head.lowercased().split(separator: "\r\n")
            if lines.contains(where: { $0.hasPrefix("upgrade:") }) {
                self.isTunnel = true
                self.expected = SecureBackend.tunnelled
                self.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", context)
                self.write(String(repeating: "a", count: self.expected), context)
            } else {
                let length = lines.first { $0.hasPrefix("content-length:") }?.dropFirst("content-length:".count)
                self.expected = length.flatMap { Int($0.filter { $0 != " " }) } ?? 0
            }
            self.left = self.expected
        }

        private func write(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
