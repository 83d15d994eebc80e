import NetworkAddresses
import NIOCore
import NIOPosix
import PlaneProtocol
import PlaneTestSupport

@testable import DroneCore

/// A server on loopback that says one thing to whatever it reads, or what it is told to say to that; with nil it accepts and says nothing.
struct AnsweringServer {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    let address: ContainerAddress
    /// What it has read.
    let requests: Recorder<String>
    private let channel: any Channel

    static func start(_ answer: String?, host: String = "127.0.0.1", port: Int = 0) async throws -> AnsweringServer {
        try await self.start(host: host, port: port) { _ in answer }
    }

    /// - Parameter answer: is given what was read.
    static func start(
        host: String = "127.0.0.1", port: Int = 0, answering answer: @escaping @Sendable (String) -> String?
    ) async throws -> AnsweringServer {
        let requests = Recorder<String>()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answer(text: answer, requests: requests)) }
            }
            .bind(host: host, port: port).get()
        guard let ip = IPAddress(host), let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        return AnsweringServer(address: ContainerAddress(ip: ip, port: UInt16(port)), requests: requests, channel: channel)
    }

    func stop() async throws { try await self.channel.close() }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: @Sendable (String) -> String?
        private let requests: Recorder<String>

        init(text: @escaping @Sendable (String) -> String?, requests: Recorder<String>) {
            self.text = text
            self.requests = requests
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let request = String(buffer: self.unwrapInboundIn(data))
            self.requests.record(request)
            guard let text = self.text(request) else { return }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
