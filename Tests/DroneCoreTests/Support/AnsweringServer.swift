import NIOCore
import NIOPosix
import PlaneProtocol

@testable import DroneCore

/// A server on loopback that says one thing to whatever it reads; with nil it accepts and says nothing.
struct AnsweringServer {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    let address: ContainerAddress
    private let channel: any Channel

    static func start(_ answer: String?, host: String = "127.0.0.1") async throws -> AnsweringServer {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answer(text: answer)) }
            }
            .bind(host: host, port: 0).get()
        guard let ip = IPAddress(host), let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        return AnsweringServer(address: ContainerAddress(ip: ip, port: UInt16(port)), channel: channel)
    }

    func stop() async throws { try await self.channel.close() }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let text: String?

        init(text: String?) { self.text = text }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let text = self.text else { return }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
