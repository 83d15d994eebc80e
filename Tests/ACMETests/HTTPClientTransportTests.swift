import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

@testable import ACME

@Suite(.timeLimit(.minutes(10))) struct HTTPClientTransportTests {
    /// The code of the error when a server sends `answer` to whatever it is asked.
    private func failure(answer: String, requestTimeout: Duration = .seconds(30)) async throws -> ACMEError.Code? {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var options = HTTPClientTransport.Options(userAgent: "acme-tests")
        options.requestTimeout = requestTimeout
        let url = "http://127.0.0.1:\(server.localAddress?.port ?? 0)/dir"
        let outcome = await Self.code { () async throws(ACMEError) in try await Self.get(url, options) }
        try await server.close()
        return outcome
    }

    private static func get(_ url: String, _ options: HTTPClientTransport.Options) async throws(ACMEError) -> ACMEResponse {
        try await withHTTPClientTransport(options) { transport throws(ACMEError) in try await transport.send(ACMERequest(.get, url)) }
    }

    private static func code(_ body: () async throws(ACMEError) -> ACMEResponse) async -> ACMEError.Code? {
        do throws(ACMEError) {
            _ = try await body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test("an answer is bounded, whether it tells its length or not")
    func bounded() async throws {
        let body = String(repeating: "x", count: 300_000)
        #expect(try await self.failure(answer: "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n\(body)") == .answerTooLarge)
        #expect(try await self.failure(answer: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\(body)") == .answerTooLarge)
    }

    @Test("one that trickles for ever ends with the time for one request")
    func slow() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"
        #expect(try await self.failure(answer: answer, requestTimeout: .milliseconds(200)) == .unreachable)
        #expect(try await self.failure(answer: "", requestTimeout: .milliseconds(200)) == .unreachable)
    }

    @Test("something else than HTTP is no answer", arguments: ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 999999 ?\r\n\r\n"])
    func notHTTP(answer: String) async throws {
        #expect(try await self.failure(answer: answer) == .unreachable)
    }

    @Test("nobody listening is unreachable")
    func refused() async throws {
        let port = try freeLoopbackPort()
        let code = await Self.code { () async throws(ACMEError) in
            try await Self.get("http://127.0.0.1:\(port)/dir", .init(userAgent: "acme-tests"))
        }
        #expect(code == .unreachable)
    }

    @Test("a URL that cannot be used is our mistake", arguments: ["", "dir", "ftp://ca.example/dir", "http://"])
    func invalidURL(url: String) async throws {
        let code = await Self.code { () async throws(ACMEError) in try await Self.get(url, .init(userAgent: "acme-tests")) }
        #expect(code == .invalidInput)
    }

    @Test("a file of roots that is none is told with its name, and may be there a moment later")
    func trustedRoots() async throws {
        let error = try await #require(throws: ACMEError.self) {
            try await Self.get("https://ca.example/", .init(userAgent: "acme-tests", trustedRootsPath: "/nowhere/root.pem"))
        }
        #expect(error.code == .unreadableRoots)
        #expect(error.isRetryable)
        #expect(error.description.contains("/nowhere/root.pem"))
    }
}

/// Sends the same bytes to everything that is asked.
private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String

    init(answer: String) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.answer.isEmpty else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.answer)), promise: nil)
        if self.answer.contains("Connection: close") { context.close(promise: nil) }
    }
}
