import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection to the daemon that carries raw bytes in both directions after one request (API reference, "Attach to a container", Hijacking). Our HTTP
/// client does not support that, so the request is written and the head of its reply parsed here.
///
/// It reads at the reader's pace, and a write waits if the daemon does not read.
struct HijackedConnection: Sendable {
    /// The longest head of a reply, and the longest text of a refusal, in bytes.
    private static let headLimit = 64 * 1024
    /// How long the daemon may take to answer.
    private static let answerLimit = CallLimit(duration: .seconds(30))

    typealias Channel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    struct Streams {
        /// Bytes that came together with the head, behind it.
        var first: ByteBuffer
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    }

    let endpoint: DockerEndpoint

    /// Sends the request, and calls `body` when the daemon has accepted it. The connection is closed when `body` returns.
    func withStreams<Result: Sendable>(
        _ request: EngineRequest, version: APIVersion, _ body: (inout Streams) async throws -> Result
    ) async throws(EngineError) -> Result {
        do {
            let channel = try await withCallLimit(Self.answerLimit) { try await self.connect() }
            return try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(self.message(request, version: version))
                var streams = Streams(first: ByteBuffer(), inbound: inbound.makeAsyncIterator(), outbound: outbound)
                try await Self.readHead(into: &streams, request, channel.channel)
                return try await body(&streams)
            }
        } catch {
            throw EngineError(transport: error, attempt: request.attempt, endpoint: self.endpoint)
        }
    }

    /// Sends the request, then the bytes once the daemon has agreed, then their end. Returns when the kernel has taken them: the daemon does not confirm
    /// that it has passed them on, and without the end it would keep the connection for as long as the container runs (seen with 20.10).
    func deliver(_ bytes: ByteBuffer, _ request: EngineRequest, version: APIVersion) async throws(EngineError) {
        do {
            let channel = try await withCallLimit(Self.answerLimit) { try await self.connect() }
            try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(self.message(request, version: version))
                var streams = Streams(first: ByteBuffer(), inbound: inbound.makeAsyncIterator(), outbound: outbound)
                try await Self.readHead(into: &streams, request, channel.channel)
                try await outbound.write(bytes)
            }
        } catch {
            throw EngineError(transport: error, attempt: request.attempt, endpoint: self.endpoint)
        }
    }

    private func connect() async throws -> Channel {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(5))
            .channelOption(.allowRemoteHalfClosure, value: true)
        let initialize: @Sendable (any NIOCore.Channel) -> EventLoopFuture<Channel> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try Channel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
        switch self.endpoint {
        case .unixSocket(let path): return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initialize)
        case .http(let url):
            let authority = url.dropFirst("http://".count)
            let colon = authority.lastIndex { $0 == ":" }
            let hasPort = colon.map { authority[$0...].dropFirst().allSatisfy(\.isNumber) } ?? false
            let host = hasPort ? authority[..<(colon ?? authority.endIndex)] : authority
            let port = hasPort ? colon.flatMap { Int(authority[$0...].dropFirst()) } : nil
            return try await bootstrap.connect(
                host: String(host.drop { $0 == "[" }.prefix { $0 != "]" }), port: port ?? 80, channelInitializer: initialize)
        }
    }

    private func message(_ request: EngineRequest, version: APIVersion) -> ByteBuffer {
        let body = request.body ?? ByteBuffer()
        let host = self.endpoint.hostHeader ?? String(self.endpoint.description.dropFirst("http://".count))
        var buffer = ByteBuffer(
            string: """
                \(request.method.rawValue) /v\(version)\(request.target) HTTP/1.1\r
                Host: \(host)\r
                Content-Type: \(request.contentType)\r
                Content-Length: \(body.readableBytes)\r
                Connection: Upgrade\r
                Upgrade: tcp\r
                \r\n
                """)
        buffer.writeImmutableBuffer(body)
        return buffer
    }

    /// Reads the reply. After 101 or 200 the stream follows; a refusal is thrown with its text.
    private static func readHead(into streams: inout Streams, _ request: EngineRequest, _ channel: any NIOCore.Channel) async throws {
        // The iterator cannot be handed to another task, so the time limit closes the connection.
        let limit = channel.eventLoop.scheduleTask(in: .seconds(30)) { channel.close(promise: nil) }
        defer { limit.cancel() }
        var received = ByteBuffer()
        while true {
            if let head = Self.head(in: received) {
                received.moveReaderIndex(forwardBy: head.length)
                guard head.status == 101 || head.status == 200 else {
                    while received.readableBytes < min(head.bodyLength, Self.headLimit), let more = try await streams.inbound.next() {
                        received.writeImmutableBuffer(more)
                    }
                    throw EngineError(status: head.status, body: received, to: request)
                }
                streams.first = received
                return
            }
            guard received.readableBytes < Self.headLimit else {
                throw EngineError(.unreadableReply, attempt: request.attempt, message: "the head of its reply is longer than \(Self.headLimit) bytes")
            }
            guard let more = try await streams.inbound.next() else {
                throw EngineError(.daemonUnreachable, attempt: request.attempt, message: "it closed the connection before it answered")
            }
            received.writeImmutableBuffer(more)
        }
    }

    /// Nil until the whole head has come. A head without a valid status has the status 0.
    private static func head(in buffer: ByteBuffer) -> (status: UInt, length: Int, bodyLength: Int)? {
        let bytes = buffer.readableBytesView
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        let status = words.count > 1 && words[0].hasPrefix("HTTP/1.") ? UInt(words[1]) ?? 0 : 0
        let lengthLine = lines.dropFirst().first { $0.lowercased().hasPrefix("content-length:") }
        let bodyLength = lengthLine.flatMap { Int($0.dropFirst("content-length:".count).trimmingPrefix { $0 == " " }) } ?? 0
        return (status, end.upperBound - bytes.startIndex, max(0, bodyLength))
    }
}
