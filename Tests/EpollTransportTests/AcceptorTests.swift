import EpollTransport
import Glibc
import NIOCore
import PlaneTestSupport
import Testing

@Suite("Taking connections")
struct AcceptorTests {
    @Test("every connection is taken")
    func takes() async throws {
        try await withPort { port in
            let peers = try (0..<50).map { _ in try TestPeer.connect(port: port.port) }
            try await eventually("all are taken") { port.taken.all.count == peers.count }
            #expect(Set(port.taken.all).count == peers.count)
            for descriptor in port.taken.all { close(descriptor) }
        }
    }

    @Test("while it is paused they wait in the kernel, and are taken afterwards")
    func pauses() async throws {
        try await withPort { port in
            try await port.loop.submit { port.acceptor.value.pause() }.get()
            let peer = try TestPeer.connect(port: port.port)
            for _ in 0..<3 { try await port.loop.submit {}.get() }
            #expect(port.taken.all.isEmpty)
            try await port.loop.submit { port.acceptor.value.resume() }.get()
            close(try await port.connection())
            #expect(try await peer.receiveToEnd() == "")
        }
    }

    @Test("once it is closed nobody is let in")
    func closes() async throws {
        try await withPort { port in
            try await port.loop.submit {
                port.acceptor.value.close()
                port.acceptor.value.close()
            }.get()
            #expect(throws: TestPeer.Failure.self) { try TestPeer.connect(port: port.port) }
        }
    }

    @Test("once it is closed, another one takes what comes to the same socket")
    func takenOver() async throws {
        try await withPort { port in
            let (loop, taken) = (port.loop, Recorder<CInt>())
            let next = try await loop.submit {
                let number = port.acceptor.value.descriptor
                let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
                port.acceptor.value.close()
                // Under the number that the kernel knew, so that only having forgotten it helps; or above it, if another test has got the number
                // meanwhile, from whom it must not be taken.
                let same = fcntl(copy, F_DUPFD_CLOEXEC, number)
                #expect(same >= number)
                Glibc.close(copy)
                return NIOLoopBound(
                    try Acceptor(same, on: loop, mayTake: { true }) { connection, _ in
                        taken.record(connection)
                    } fail: { _ in
                    }, eventLoop: loop)
            }.get()
            let peer = try TestPeer.connect(port: port.port)
            try await eventually("it is taken") { taken.all.count == 1 }
            close(taken.all[0])
            #expect(try await peer.receiveToEnd() == "")
            try await loop.submit { next.value.close() }.get()
        }
    }
}
