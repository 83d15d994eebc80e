import Dispatch
import EpollTransport
import Glibc
import NIOCore
import PlaneTestSupport
import Synchronization
import Testing

@Suite("A TCP connection on an event loop")
struct StreamSocketTests {
    /// More than the kernel takes for a peer that does not read.
    private static let much = (0..<16_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    @Test("what comes is received as it came, and the end of each read is told")
    func receives() async throws {
        try await withSocket { socket in
            try await socket.peer.send("one")
            try await socket.log.hears("one")
            try await socket.peer.send(Self.much)
            try await eventually("everything") { socket.log.received.count == 3 + Self.much.count }
            #expect(Array(socket.log.received.dropFirst(3)) == Self.much)
            try await eventually("the last read is told too") { socket.log.readCount > 1 }
            #expect(socket.log.said == [])
        }
    }

    @Test("the end of input is told once, behind everything that came before, and what is written still leaves")
    func halfClosure() async throws {
        try await withSocket { socket in
            try await socket.peer.send("last")
            socket.peer.closeOutput()
            try await socket.log.hears(.inputEnded)
            #expect(socket.log.text == "last")
            try await socket.onLoop {
                $0.write(ByteBuffer(string: "answer"))
                $0.closeWhenFlushed()
            }
            #expect(try await socket.peer.receiveToEnd() == "answer")
            try await socket.log.hears(.closed(nil))
            #expect(socket.log.said == [.inputEnded, .closed(nil)])
        }
    }

    @Test("while reading is paused nothing is received, and afterwards everything")
    func paused() async throws {
        try await withSocket { socket in
            try await socket.onLoop { $0.pauseReading() }
            try await socket.peer.send("waits")
            // What the socket was told of this connection it has been told of the other as well, which was made later.
            for _ in 0..<3 { try await socket.onLoop { _ in } }
            #expect(socket.log.text == "")
            try await socket.onLoop { $0.resumeReading() }
            try await socket.log.hears("waits")
        }
    }

    @Test("who has paused reading hears that the peer has ended, and then receives what it sent before")
    func endsWhilePaused() async throws {
        try await withSocket { socket in
            try await socket.onLoop { $0.pauseReading() }
            try await socket.peer.send("before")
            socket.peer.closeOutput()
            try await socket.log.hears(.inputEndsSoon)
            #expect(socket.log.text == "")
            try await socket.onLoop { $0.resumeReading() }
            try await socket.log.hears(.inputEnded)
            #expect(socket.log.text == "before")
        }
    }

    @Test("who has paused reading hears that the peer has reset the connection")
    func resetWhilePaused() async throws {
        try await withSocket { socket in
            try await socket.onLoop {
                $0.pauseReading()
                $0.write(ByteBuffer(string: "unread"))
                $0.flush()
            }
            _ = try await socket.peer.receive(count: 1)  // and leaves the rest, which makes its close a reset
            socket.peer.reset()
            try await socket.log.hears(.closed(ECONNRESET))
        }
    }

    @Test("who pauses reading in the middle hears of a reset that came with what was read")
    func resetWhilePausing() async throws {
        let socketInHand = Mutex<NIOLoopBound<StreamSocket>?>(nil)
        let log = SocketLog { socketInHand.withLock { $0 }?.value.pauseReading() }
        try await withSocket(log: log) { socket in
            socketInHand.withLock { $0 = socket.socket }
            // Both are there when the loop looks.
            let mayLook = DispatchSemaphore(value: 0)
            socket.loop.execute { mayLook.wait() }
            try await socket.peer.send([UInt8](repeating: 1, count: 100_000))
            socket.peer.reset()
            mayLook.signal()
            try await log.hears(.closed(ECONNRESET))
            #expect(log.received.count < 100_000)
        }
    }

    @Test("what the kernel does not take waits, in order, and the socket says when there is room again")
    func waits() async throws {
        try await withSocket(receiveBuffer: 4096) { socket in
            let isWritable = try await socket.onLoop { socket in
                // In pieces, with another one between each two flushes.
                for start in stride(from: 0, to: Self.much.count, by: 1_000_000) {
                    socket.write(ByteBuffer(bytes: Self.much[start..<start + 400_000]))
                    socket.write(ByteBuffer(bytes: Self.much[start + 400_000..<start + 1_000_000]))
                    socket.flush()
                }
                return socket.isWritable
            }
            #expect(!isWritable)
            #expect(try await socket.peer.receive(count: Self.much.count) == Self.much)
            try await eventually("there is room") { try await socket.onLoop { $0.isWritable && $0.waitingBytes == 0 } }
            #expect(socket.log.said.last == .becameWritable)
        }
    }

    @Test("what waits holds no more memory than its own")
    func compact() {
        var large = ByteBufferAllocator().buffer(capacity: 32 * 1024)
        large.writeString("little")
        let little = large.compacted()
        #expect(little == large)
        #expect(little.storageCapacity < 64)
        large.writeRepeatingByte(0x20, count: 20_000)
        #expect(large.compacted().storageCapacity == large.storageCapacity)  // more than half of it is in use
    }

    @Test("the end of output goes behind what was written, and input goes on")
    func outputEnd() async throws {
        try await withSocket(receiveBuffer: 4096) { socket in
            try await socket.onLoop {
                $0.write(ByteBuffer(bytes: Self.much))
                $0.closeOutput()
            }
            #expect(socket.log.said == [])
            #expect(try await socket.peer.countToEnd() == Self.much.count)
            try await socket.log.hears(.outputClosed)
            try await socket.peer.send("still here")
            try await socket.log.hears("still here")
            socket.peer.closeOutput()
            try await socket.log.hears(.closed(nil))
            #expect(socket.log.said == [.becameWritable, .outputClosed, .inputEnded, .closed(nil)])
        }
    }

    @Test("a close that waits for what was written loses nothing of it")
    func closeWhenFlushed() async throws {
        try await withSocket(receiveBuffer: 4096) { socket in
            try await socket.onLoop {
                $0.write(ByteBuffer(bytes: Self.much))
                $0.closeWhenFlushed()
            }
            #expect(try await socket.peer.countToEnd() == Self.much.count)
            try await socket.log.hears(.closed(nil))
        }
    }

    @Test("a reset is an error for the peer, not an end")
    func reset() async throws {
        try await withSocket { socket in
            try await socket.onLoop {
                $0.write(ByteBuffer(string: "half of i"))
                $0.flush()
                $0.reset()
            }
            await #expect(throws: TestPeer.Failure.self) { try await socket.peer.receiveToEnd() }
            #expect(socket.log.said == [.closed(nil)])
        }
    }

    @Test("who writes to a peer that is gone still receives what it said before, and then hears why")
    func lastWords() async throws {
        try await withSocket { socket in
            try await socket.onLoop { $0.pauseReading() }
            try await socket.peer.send("too large")
            try await socket.onLoop {
                $0.write(ByteBuffer(string: "unread"))
                $0.flush()
            }
            _ = try await socket.peer.receive(count: 1)
            let loop = socket.loop
            // While its loop is busy the socket has not heard of the reset, and finds it out by writing.
            try await loop.submit {
                socket.peer.reset()
                socket.socket.value.resumeReading()
                for _ in 0..<2 {
                    socket.socket.value.write(ByteBuffer(string: "more"))
                    socket.socket.value.flush()
                }
            }.get()
            try await eventually("it is closed") { socket.log.said.contains { if case .closed = $0 { true } else { false } } }
            #expect(socket.log.text == "too large")
            #expect(socket.log.said != [.closed(nil)])
            #expect(!socket.log.said.contains(.inputEnded), "what a reset breaks off has not come to its end")
        }
    }

    @Test("promises are kept when the kernel has the bytes, and fail when it will never have them")
    func promises() async throws {
        try await withSocket(receiveBuffer: 4096) { socket in
            let loop = socket.loop
            let (first, second) = (loop.makePromise(of: Void.self), loop.makePromise(of: Void.self))
            let isKept = Recorder<Void>()
            second.futureResult.whenSuccess { isKept.record(()) }
            try await socket.onLoop {
                $0.write(ByteBuffer(string: "little"), promise: first)
                $0.flush()
                $0.write(ByteBuffer(bytes: Self.much), promise: second)
                $0.flush()
            }
            try await first.futureResult.get()
            #expect(isKept.all.isEmpty)
            try await socket.onLoop { $0.close() }
            await #expect(throws: ChannelError.self) { try await second.futureResult.get() }
            let late = loop.makePromise(of: Void.self)
            try await socket.onLoop { $0.write(ByteBuffer(string: "late"), promise: late) }
            await #expect(throws: ChannelError.ioOnClosedChannel) { try await late.futureResult.get() }
        }
    }

    @Test("a receiver may close the socket while it is told of bytes, and hears nothing more")
    func closedWithin() async throws {
        let socketInHand = Mutex<NIOLoopBound<StreamSocket>?>(nil)
        let log = SocketLog { socketInHand.withLock { $0 }?.value.close() }
        try await withSocket(log: log) { socket in
            socketInHand.withLock { $0 = socket.socket }
            try await socket.peer.send("enough")
            try await log.hears(.closed(nil))
            #expect(log.text == "enough")
            #expect(log.said == [.closed(nil)])
            #expect(try await socket.peer.receiveToEnd() == "")
        }
    }

    @Test("a connection that was asked for is there, and carries bytes both ways, those too that were written before")
    func connects() async throws {
        try await withOutgoingSocket {
            $0.write(ByteBuffer(string: "at once"))
            $0.flush()
        } _: { socket in
            #expect(try await socket.peer.receive(until: "at once") == "at once")
            try await socket.peer.send("hello")
            try await socket.log.hears("hello")
        }
    }

    @Test("what was said on a connection we asked for is received, even if a reset follows while nobody reads")
    func lastWordsWhilePaused() async throws {
        try await withOutgoingSocket {
            $0.pauseReading()
        } _: { socket in
            try await socket.peer.send("too large")
            socket.peer.reset()
            try await socket.log.hears(.closed(ECONNRESET))
            #expect(socket.log.text == "too large")
            #expect(socket.log.said == [.connected, .closed(ECONNRESET)])
        }
    }

    @Test("a connection that is refused is told as the kernel's error")
    func refused() async throws {
        let nobody = try freeLoopbackPort()
        try await withPort { port in
            let log = SocketLog()
            let loop = port.loop
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(nobody))
            try await loop.submit {
                _ = try StreamSocket.connect(to: address, on: loop, writeMarks: 1024..<4096, receiveBuffer: nil, receiver: log)
            }.get()
            try await log.hears(.closed(ECONNREFUSED))
            #expect(log.said == [.closed(ECONNREFUSED)])
        }
    }

    @Test("with the loop its sockets end, and their receivers hear it")
    func loopEnds() async throws {
        let log = SocketLog()
        let peer = try await withSocket(log: log) { $0.peer }
        #expect(log.said == [.closed(nil)])
        #expect(try await peer.receiveToEnd() == "")
    }

    @Test("a socket that asks for its connection watches its peer as it is told to")
    func peerWatch() async throws {
        try await withPort { port in
            let (log, loop) = (SocketLog(), port.loop)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(port.port))
            let options = try await loop.submit {
                let socket = try StreamSocket.connect(
                    to: address, on: loop, writeMarks: 1024..<4096, receiveBuffer: nil,
                    peerWatch: KeepAliveProbes(idleSeconds: 7, intervalSeconds: 2, questionCount: 3), receiver: log)
                return [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT].map { option in
                    var value: CInt = -1
                    var size = socklen_t(MemoryLayout<CInt>.size)
                    getsockopt(socket.descriptor, CInt(IPPROTO_TCP), option, &value, &size)
                    return value
                }
            }.get()
            #expect(options == [7, 2, 3, 13_000])
        }
    }
}
