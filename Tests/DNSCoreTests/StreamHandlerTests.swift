import NetworkAddresses
import NIOCore
import NIOEmbedded
import Testing

@testable import DNSCore

@Suite("A TCP connection's questions") struct StreamHandlerTests {
    /// Is full as soon as so many answers wait.
    private final class SmallBuffer: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        private let channel: EmbeddedChannel
        private let room: Int
        private(set) var written = 0

        init(_ channel: EmbeddedChannel, room: Int) {
            self.channel = channel
            self.room = room
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            self.written += 1
            if self.written.isMultiple(of: self.room) { self.channel.isWritable = false }
            context.write(data, promise: promise)
        }
    }

    @Test("that come all at once are answered only as far as the client takes the answers, and the others later")
    func backPressure() throws {
        let channel = EmbeddedChannel()
        let buffer = SmallBuffer(channel, room: 10)
        let roster = ConnectionTable(maximum: 1, perHost: 1)
        let handler = StreamHandler(
            responder: ZoneFixture.responder(), counters: ServerCounters(), idleTimeout: .seconds(10),
            slot: roster.enter(.v4(0), at: .now(), close: {}).slot)
        try channel.pipeline.syncOperations.addHandlers([buffer, handler])
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/none")).wait()
        var questions = ByteBuffer()
        for id in UInt16(1)...35 { questions.writeBytes(DNSServerTests.frame(try DNSServerTests.query("four.plane.test", id: id))) }
        try channel.writeInbound(questions)
        var ids: [UInt16] = []
        for round in 1...4 {
            #expect(buffer.written == min(round * 10, 35))
            while let answer = try channel.readOutbound(as: ByteBuffer.self) { ids.append(answer.getInteger(at: 2) ?? 0) }
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
        }
        #expect(ids == Array(1...35))
        try #require(try channel.finish().isClean)
    }
}
