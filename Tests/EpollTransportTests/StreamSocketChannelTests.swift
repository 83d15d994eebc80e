import EpollTransport
import Foundation
import Glibc
import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

/// What a handler sees of a connection. A channel of SwiftNIO's own passes the same tests.
@Suite("A connection for SwiftNIO's handlers")
struct StreamSocketChannelTests {
    typealias Kind = EventLoopTests.Kind

    /// Writes down what a channel says, answers “ping” with “pong”, and does what its name asks for.
    private final class Witness: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let seen = Recorder<String>()
        /// What may come any number of times, and what ends the input.
        let ends = Recorder<String>()

        func handlerAdded(context: ChannelHandlerContext) { self.seen.record("added") }
        func channelActive(context: ChannelHandlerContext) { self.seen.record("active") }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: self.unwrapInboundIn(data))
            self.seen.record(text)
            switch text {
            case "again": context.read()
            case "ping": context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "pong")), promise: nil)
            case "end": context.close(mode: .output, promise: nil)
            case "close": context.close(promise: nil)
            default: break
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case ChannelEvent.inputClosed:
                self.seen.record("input closed")
                self.ends.record("input closed")
            case ChannelEvent.outputClosed: self.seen.record("output closed")
            default: self.seen.record("\(event)")
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) { self.ends.record("read complete") }

        func channelWritabilityChanged(context: ChannelHandlerContext) { self.ends.record(context.channel.isWritable ? "writable" : "full") }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.seen.record("error \((error as? IOError)?.errnoCode ?? 0)")
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { self.seen.record("inactive") }
        func handlerRemoved(context: ChannelHandlerContext) { self.seen.record("removed") }

        func sees(_ expected: String...) async throws {
            try await eventually("\(expected), not \(self.seen.all)") { self.seen.all == expected }
        }
    }

    private func withChannel(_ kind: Kind, _ body: (any Channel, Witness, TestPeer) async throws -> Void) async throws {
        let witness = Witness()
        switch kind {
        case .ours:
            try await withPort { port in
                let peer = try TestPeer.connect(port: port.port)
                let descriptor = try await port.connection()
                let loop = port.loop
                let channel = try await loop.submit {
                    let channel = StreamSocketChannel(StreamSocket(descriptor, on: loop, writeMarks: 1024..<4096), peer: nil)
                    try channel.pipeline.syncOperations.addHandler(witness)
                    try channel.start()
                    return channel
                }.get()
                try await body(channel, witness, peer)
            }
        case .swiftNIO:
            let channels = Recorder<any Channel>()
            let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelInitializer { channel in
                    channels.record(channel)
                    return channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(witness) }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let peer = try TestPeer.connect(port: UInt16(server.localAddress?.port ?? 0))
            try await eventually("it is active") { witness.seen.all.contains("active") }
            try await body(channels.all[0], witness, peer)
            try await server.close()
        }
    }

    @Test("it becomes active, brings what comes, and takes what is written", arguments: Kind.allCases)
    func exchange(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await peer.send("ping")
            #expect(try await peer.receive(until: "pong") == "pong")
            try await witness.sees("added", "active", "ping")
            try await channel.close()
            try await channel.closeFuture.get()
            try await witness.sees("added", "active", "ping", "inactive", "removed")
            #expect(try await peer.receiveToEnd() == "")
            await #expect(throws: ChannelError.self) { try await channel.writeAndFlush(ByteBuffer(string: "late")).get() }
        }
    }

    @Test("the end of input leaves the output open, and the end of both is the end", arguments: Kind.allCases)
    func halfClosure(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            peer.closeOutput()
            try await eventually("the end is seen") { witness.seen.all.filter { $0 != "InputEndsSoon()" } == ["added", "active", "input closed"] }
            try await channel.writeAndFlush(ByteBuffer(string: "still"))
            #expect(try await peer.receive(until: "still") == "still")
            try await channel.close(mode: .output)
            #expect(try await peer.receiveToEnd() == "")
            try await channel.closeFuture.get()
            try await eventually("it is over") { witness.seen.all.suffix(2) == ["inactive", "removed"] }
        }
    }

    @Test("what comes is complete before the end of input is told", arguments: Kind.allCases)
    func endBehindRead(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await channel.setOption(.autoRead, value: false).get()
            try await peer.send("last")
            peer.closeOutput()
            try await channel.setOption(.autoRead, value: true).get()
            try await eventually("it has ended") { witness.ends.all.contains("input closed") }
            #expect(witness.ends.all.first == "read complete")
            #expect(witness.seen.all.filter { $0 != "InputEndsSoon()" }.suffix(2) == ["last", "input closed"])
        }
    }

    @Test("handlers hear when too much waits to be written, and when it does no longer", arguments: Kind.allCases)
    func writability(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            let count = 20_000_000  // more than the kernel takes
            let written = channel.eventLoop.makePromise(of: Void.self)
            channel.writeAndFlush(ByteBuffer(repeating: 1, count: count), promise: written)
            try await eventually("it is full") { witness.ends.all == ["full"] }
            _ = try await peer.receive(count: count)
            try await written.futureResult.get()
            try await eventually("there is room") { witness.ends.all == ["full", "writable"] }
        }
    }

    @Test("any thread may ask whether it is open, whether it takes more, and where it is bound", arguments: Kind.allCases)
    func askedFromAnyThread(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            #expect(!channel.eventLoop.inEventLoop)
            #expect(channel.isActive && channel.isWritable)
            #expect(channel.localAddress?.port != nil)
            let count = 20_000_000  // more than the kernel takes
            let written = channel.eventLoop.makePromise(of: Void.self)
            channel.writeAndFlush(ByteBuffer(repeating: 1, count: count), promise: written)
            try await eventually("it is full") { !channel.isWritable }
            _ = try await peer.receive(count: count)
            try await written.futureResult.get()
            try await eventually("there is room") { channel.isWritable }
            try await channel.close()
            try await channel.closeFuture.get()
            #expect(!channel.isActive)
        }
    }

    @Test("threads that ask all the time are answered while it fills, drains and closes", arguments: Kind.allCases)
    func askedAllTheTime(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, _, peer in
            let port = try #require(channel.localAddress?.port)
            let asked = Recorder<Int?>()
            // Threads of their own: as many of Dispatch's that never wait keep the tasks of this test from running on a small machine.
            for _ in 0..<2 {
                Thread.detachNewThread {
                    var answers = Set<Int?>()
                    while channel.isActive {
                        if channel.isWritable { answers.insert(channel.localAddress?.port) }
                        sched_yield()
                    }
                    asked.record(answers.compactMap { $0 }.first)
                }
            }
            for _ in 0..<20 {
                let written = channel.eventLoop.makePromise(of: Void.self)
                channel.writeAndFlush(ByteBuffer(repeating: 1, count: 100_000), promise: written)
                _ = try await peer.receive(count: 100_000)
                try await written.futureResult.get()
            }
            try await channel.close()
            try await eventually("all have seen the end") { asked.all.count == 2 }
            #expect(asked.all.allSatisfy { $0 == nil || $0 == port })
        }
    }

    @Test("the end of output leaves the input open", arguments: Kind.allCases)
    func outputEnd(kind: Kind) async throws {
        try await self.withChannel(kind) { _, witness, peer in
            try await peer.send("end")
            #expect(try await peer.receiveToEnd() == "")
            try await witness.sees("added", "active", "end", "output closed")
            try await peer.send("more")
            try await witness.sees("added", "active", "end", "output closed", "more")
        }
    }

    @Test("a handler may close it while it reads", arguments: Kind.allCases)
    func closedWithin(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await peer.send("close")
            try await channel.closeFuture.get()
            try await witness.sees("added", "active", "close", "inactive", "removed")
        }
    }

    @Test("what the peer resets ends with an error", arguments: Kind.allCases)
    func reset(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await channel.writeAndFlush(ByteBuffer(string: "unread"))
            peer.reset()
            try await channel.closeFuture.get()
            #expect(witness.seen.all.contains("error \(ECONNRESET)"))
        }
    }

    @Test("it does not read by itself when it is told not to, and reads when it is asked", arguments: Kind.allCases)
    func withoutAutoRead(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await channel.setOption(.autoRead, value: false).get()
            #expect(try await channel.getOption(.autoRead).get() == false)
            try await peer.send("waits")
            for _ in 0..<3 { try await channel.eventLoop.submit {}.get() }
            #expect(!witness.seen.all.contains("waits"))
            channel.read()
            try await eventually("it is read") { witness.seen.all.contains("waits") }
        }
    }

    @Test("a handler that asks for more while it is given something is given more", arguments: Kind.allCases)
    func readWithinRead(kind: Kind) async throws {
        try await self.withChannel(kind) { channel, witness, peer in
            try await channel.setOption(.autoRead, value: false).get()
            // The last read that was asked for by itself is the one that brings this.
            try await peer.send("again")
            channel.read()
            try await eventually("it is read") { witness.seen.all.contains("again") }
            try await channel.eventLoop.submit {}.get()
            try await peer.send("more")
            try await eventually("what was asked for comes") { witness.seen.all.contains("more") }
            try await peer.send("unasked")
            for _ in 0..<3 { try await channel.eventLoop.submit {}.get() }
            #expect(!witness.seen.all.contains("unasked"))
        }
    }

    @Test("who does not read hears early that the peer has ended")
    func endsSoon() async throws {
        try await self.withChannel(.ours) { channel, witness, peer in
            try await channel.setOption(.autoRead, value: false).get()
            try await peer.send("unread")
            peer.closeOutput()
            try await eventually("it hears") { witness.seen.all.contains("InputEndsSoon()") }
            #expect(!witness.seen.all.contains("unread"))
        }
    }
}
