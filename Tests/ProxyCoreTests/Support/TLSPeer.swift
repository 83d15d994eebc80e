import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import PlaneTestSupport

/// A client on loopback that speaks TLS and shows what comes as plain bytes.
final class TLSPeer: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let patience: TimeAmount = .seconds(60)

    private let channel: any Channel
    private let handler: NIOLoopBound<Handler>

    private init(channel: any Channel, handler: NIOLoopBound<Handler>) {
        self.channel = channel
        self.handler = handler
    }

    /// Returns after the handshake.
    static func connect(
        port: UInt16, name: String = "b-1.plane.test", protocols: [String] = ["http/1.1"], version: TLSVersion? = nil
    ) async throws -> TLSPeer {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = protocols
        configuration.shutdownTimeout = .milliseconds(200)
        if let version {
            configuration.minimumTLSVersion = version
            configuration.maximumTLSVersion = version
        }
        let context = try NIOSSLContext(configuration: configuration)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (channel, handler) = try await ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Handler()
                    try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
        let peer = TLSPeer(channel: channel, handler: handler)
        try await peer.wait("a handshake") { $0.hasShakenHands }
        return peer
    }

    var negotiatedProtocol: String? {
        get async throws { try await self.on { $0.negotiatedProtocol } }
    }

    /// The certificate the server showed, as DER.
    func certificate() async throws -> [UInt8] {
        try await self.channel.eventLoop.submit { [channel] in
            let tls = try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            return try tls.peerCertificate?.toDERBytes() ?? []
        }.get()
    }

    var tlsVersion: TLSVersion? {
        get async throws { try await self.channel.nioSSL_tlsVersion().get() }
    }

    func send(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Reads until what was read by this call ends with `end`.
    func receive(until end: String) async throws -> String {
        try await self.wait("“\(end)”") { $0.text.hasSuffix(end) }
        return try await self.on { handler in
            defer { handler.bytes = [] }
            return handler.text
        }
    }

    func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Sends the chunk again and again while the other side takes it, and says how many bytes that were; no more than about `limit`.
    func sendUntilBlocked(_ chunk: [UInt8], limit: Int, quiet: TimeAmount = .milliseconds(500)) async throws -> Int {
        var total = 0
        while total < limit {
            let isTaken = try await self.channel.eventLoop.flatSubmit { [channel] in
                let promise = channel.eventLoop.makePromise(of: Bool.self)
                let timeout = channel.eventLoop.scheduleTask(in: quiet) { promise.succeed(false) }
                channel.writeAndFlush(ByteBuffer(bytes: chunk)).whenComplete { result in
                    timeout.cancel()
                    promise.completeWith(result.map { true })
                }
                return promise.futureResult
            }.get()
            guard isTaken else { break }
            total += chunk.count
        }
        return total
    }

    /// From now on nothing is taken from the kernel.
    func stopReading() async throws {
        try await self.channel.setOption(.autoRead, value: false).get()
    }

    /// Takes again what comes, and what has waited.
    func resumeReading() async throws {
        try await self.channel.setOption(.autoRead, value: true).get()
    }

    /// All that has come, once it is enough or nothing more will come.
    func bytes(_ what: String, _ isEnough: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        try await self.wait(what) { $0.hasEnded || isEnough($0.bytes) }
        return try await self.on { $0.bytes }
    }

    /// Everything until the server says that nothing more comes, in the way TLS says it.
    func receiveToEnd() async throws -> String {
        try await self.wait("the end") { $0.hasEnded }
        return try await self.on { handler in
            if let error = handler.error { throw error }
            return handler.text
        }
    }

    /// Ends TCP without the word that ends TLS.
    func cut() async throws {
        try await self.channel.eventLoop.flatSubmit { [channel] in
            let promise = channel.eventLoop.makePromise(of: Void.self)
            do {
                try channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self).close(promise: promise)
            } catch {
                promise.fail(error)
            }
            return promise.futureResult
        }.get()
    }

    func close() async throws {
        try await self.channel.close().get()
    }

    private func on<Result: Sendable>(_ body: @escaping @Sendable (Handler) throws -> Result) async throws -> Result {
        try await self.channel.eventLoop.submit { [handler] in try body(handler.value) }.get()
    }

    private func wait(_ what: String, until isEnough: @escaping @Sendable (Handler) -> Bool) async throws {
        try await self.channel.eventLoop.flatSubmit { [handler, channel] in
            let promise = channel.eventLoop.makePromise(of: Void.self)
            let timeout = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
                promise.fail(Failure(description: "\(what) did not come; “\(handler.value.text.prefix(2000))” did"))
            }
            promise.futureResult.whenComplete { _ in timeout.cancel() }
            handler.value.waiters.append((isEnough, promise))
            handler.value.check()
            return promise.futureResult
        }.get()
    }

    /// Touched on the channel's loop only.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        var bytes: [UInt8] = []
        var text: String { String(decoding: self.bytes, as: UTF8.self) }
        var hasShakenHands = false
        var negotiatedProtocol: String?
        var hasEnded = false
        var error: (any Error)?
        var waiters: [(isEnough: (Handler) -> Bool, promise: EventLoopPromise<Void>)] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += Array(self.unwrapInboundIn(data).readableBytesView)
            self.check()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case TLSUserEvent.handshakeCompleted(let negotiated):
                self.hasShakenHands = true
                self.negotiatedProtocol = negotiated
            case ChannelEvent.inputClosed:
                self.hasEnded = true
            default:
                break
            }
            self.check()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if self.error == nil { self.error = error }
            self.hasEnded = true
            self.check()
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.hasEnded = true
            self.check()
        }

        func check() {
            let ready = self.waiters.filter { $0.isEnough(self) }
            self.waiters.removeAll { $0.isEnough(self) }
            for waiter in ready { waiter.promise.succeed() }
            guard self.hasEnded else { return }
            for waiter in self.waiters {
                waiter.promise.fail(self.error ?? Failure(description: "closed after “\(self.text.prefix(2000))”"))
            }
            self.waiters = []
        }
    }
}
