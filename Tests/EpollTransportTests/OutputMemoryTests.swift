import NIOCore
import PlaneTestSupport
import Testing

@testable import EpollTransport

@Suite("Memory for output")
struct OutputMemoryTests {
    private let memory = OutputMemory()

    private func makeBuffer(_ capacity: Int = 16 * 1024) -> ByteBuffer { self.memory.provide { OutputMemory.allocator.buffer(capacity: capacity) } }

    @Test("of a buffer that is made while it is provided takes none once it is given back, and the buffer can be used again")
    func givenBack() {
        var buffer = self.makeBuffer()
        #expect(self.memory.byteCount >= 16 * 1024)
        for round in UInt8(1)...3 {
            buffer.clear()
            buffer.writeRepeatingByte(round, count: 10_000)
            #expect(self.memory.residentBytes >= 10_000)
            #expect(buffer.readableBytesView.allSatisfy { $0 == round })
            buffer.moveReaderIndex(to: buffer.writerIndex)
            self.memory.giveBack()
            #expect(self.memory.residentBytes == 0)
        }
    }

    @Test("of a buffer that grows is still known, and keeps what is in it", arguments: [20_000, 100_000, 1_000_000])
    func grown(count: Int) {
        var buffer = self.makeBuffer()
        buffer.writeRepeatingByte(7, count: 10_000)
        buffer.writeRepeatingByte(8, count: count)
        #expect(self.memory.byteCount >= 10_000 + count)
        #expect(buffer.readableBytesView.prefix(10_000).allSatisfy { $0 == 7 } && buffer.readableBytesView.dropFirst(10_000).allSatisfy { $0 == 8 })
        buffer.clear()
        self.memory.giveBack()
        #expect(self.memory.residentBytes == 0)
        buffer.writeRepeatingByte(9, count: count)
        #expect(buffer.readableBytesView.allSatisfy { $0 == 9 })
    }

    @Test("is forgotten with its buffer, and when the buffer has to be copied because somebody keeps what was in it")
    func forgotten() {
        var buffer: ByteBuffer? = self.makeBuffer()
        buffer = nil
        #expect(self.memory.byteCount == 0)
        self.memory.giveBack()

        buffer = self.makeBuffer()
        buffer?.writeString("kept")
        var kept = buffer
        buffer?.clear()
        buffer?.writeString("new")
        #expect(self.memory.byteCount > 0)
        #expect(kept.map { String(buffer: $0) } == "kept")
        kept = nil
        #expect(self.memory.byteCount == 0)
        #expect(buffer.map { String(buffer: $0) } == "new")
    }

    @Test("is for the first buffer of one record, and not for others", arguments: [100, 8 * 1024, 32 * 1024, 64 * 1024])
    func others(capacity: Int) {
        var other = self.makeBuffer(capacity)
        other.writeString("other")
        #expect(self.memory.byteCount == 0)
        let first = self.makeBuffer()
        let count = self.memory.byteCount
        let second = self.makeBuffer()
        #expect(self.memory.byteCount == count)
        #expect(first.capacity == second.capacity)
        #expect(OutputMemory.allocator.buffer(capacity: 16 * 1024).capacity == first.capacity)
        withExtendedLifetime((other, first, second)) {}
    }

    @Test("outlives its owner in a buffer that somebody still has")
    func withoutOwner() {
        var owner: OutputMemory? = OutputMemory()
        var buffer = owner?.provide { OutputMemory.allocator.buffer(capacity: 16 * 1024) }
        owner = nil
        buffer?.writeRepeatingByte(1, count: 100_000)
        #expect(buffer?.readableBytes == 100_000)
        buffer = nil
    }

    /// Gathers what it sends as a handler of TLS does.
    private final class Gatherer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var output = ByteBuffer()

        func handlerAdded(context: ChannelHandlerContext) { self.output = context.channel.allocator.buffer(capacity: 16 * 1024) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.output.clear()
            self.output.writeString("answer to \(String(buffer: self.unwrapInboundIn(data)))")
            context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
        }
    }

    @Test("of a channel is given back when it has sent nothing for a while, and the channel goes on")
    func channel() async throws {
        try await withPort { port in
            let peer = try TestPeer.connect(port: port.port)
            let descriptor = try await port.connection()
            let loop = port.loop
            let channel = try await loop.submit {
                let channel = StreamSocketChannel(StreamSocket(descriptor, on: loop, writeMarks: 1024..<4096), peer: nil)
                try channel.addEncryptingHandler(Gatherer())
                try channel.start()
                return channel
            }.get()
            // Times that lie before and behind all that happens here, however long that takes.
            let (before, after) = (NIODeadline.now(), NIODeadline.now() + .hours(1))
            func look(at now: NIODeadline) async throws -> Int? {
                try await loop.submit {
                    loop.giveIdleMemoryBack(at: now)
                    return channel.outputMemory?.residentBytes
                }.get()
            }
            try await peer.send("first")
            #expect(try await peer.receive(until: "first") == "answer to first")
            #expect(try #require(await look(at: before)) > 0)
            try await peer.send("second")
            #expect(try await peer.receive(until: "second") == "answer to second")
            #expect(try #require(await look(at: after)) > 0, "it has sent since it was noted")
            #expect(try await look(at: after + .seconds(3)) == 0)
            try await peer.send("third")
            #expect(try await peer.receive(until: "third") == "answer to third")
            #expect(try #require(await look(at: before)) > 0)
            try await channel.close()
        }
    }
}
