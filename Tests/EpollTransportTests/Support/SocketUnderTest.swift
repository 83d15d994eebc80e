import EpollTransport
import Glibc
import NIOCore
import PlaneTestSupport

/// A socket on an event loop, and plain bytes at its other end.
struct SocketUnderTest {
    let socket: NIOLoopBound<StreamSocket>
    let loop: EpollEventLoop
    let log: SocketLog
    let peer: TestPeer

    func onLoop<Result: Sendable>(_ body: @escaping @Sendable (StreamSocket) -> Result) async throws -> Result {
        try await self.loop.submit { body(self.socket.value) }.get()
    }
}

/// A socket that listens on loopback, with an acceptor of ours.
struct PortUnderTest {
    let port: UInt16
    let loop: EpollEventLoop
    let acceptor: NIOLoopBound<Acceptor>
    /// Descriptors that were taken, and whether one may be.
    let taken: Recorder<CInt>
    let failures: Recorder<IOError>

    /// Waits for the next connection, in place `index`.
    func connection(_ index: Int = 0) async throws -> CInt {
        try await eventually("a connection is taken") { self.taken.all.count > index }
        return self.taken.all[index]
    }
}

func withPort<Result>(backlog: CInt = 16, _ body: (PortUnderTest) async throws -> Result) async throws -> Result {
    let group = EpollEventLoopGroup(threads: 1)
    let loop = group.loops[0]
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = loopbackAddress(port: 0)
    let isListening = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, backlog) == 0
        }
    }
    guard isListening, let port = SocketAddress(localEndOf: descriptor)?.port else {
        throw TestPeer.Failure(description: "listen: \(String(cString: strerror(errno)))")
    }
    let (taken, failures) = (Recorder<CInt>(), Recorder<IOError>())
    let acceptor = try await loop.submit {
        let acceptor = try Acceptor(descriptor, on: loop, mayTake: { true }) { connection, _ in
            taken.record(connection)
        } fail: {
            failures.record($0)
        }
        return NIOLoopBound(acceptor, eventLoop: loop)
    }.get()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(
            try await body(PortUnderTest(port: UInt16(port), loop: loop, acceptor: acceptor, taken: taken, failures: failures)))
    } catch {
        result = .failure(error)
    }
    try await group.shutdownGracefully()
    return try result.get()
}

/// - Parameter receiveBuffer: Bytes the kernel takes for the peer before the socket has to wait.
func withSocket<Result>(
    log: SocketLog = SocketLog(), writeMarks: Range<Int> = 1024..<4096, receiveBuffer: CInt? = nil, _ body: (SocketUnderTest) async throws -> Result
) async throws -> Result {
    try await withPort { port in
        let peer = try TestPeer.connect(port: port.port, receiveBuffer: receiveBuffer)
        let descriptor = try await port.connection()
        let loop = port.loop
        let socket = try await loop.submit {
            let socket = StreamSocket(descriptor, on: loop, writeMarks: writeMarks)
            try socket.start(log)
            return NIOLoopBound(socket, eventLoop: loop)
        }.get()
        return try await body(SocketUnderTest(socket: socket, loop: loop, log: log, peer: peer))
    }
}

/// A socket that asked for its connection, which it has.
func withOutgoingSocket<Result>(
    _ prepare: @escaping @Sendable (StreamSocket) -> Void = { _ in }, _ body: (SocketUnderTest) async throws -> Result
) async throws -> Result {
    try await withPort { port in
        let (log, loop) = (SocketLog(), port.loop)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(port.port))
        let socket = try await loop.submit {
            let socket = try StreamSocket.connect(to: address, on: loop, writeMarks: 1024..<4096, receiveBuffer: 65_536, receiver: log)
            prepare(socket)
            return NIOLoopBound(socket, eventLoop: loop)
        }.get()
        let descriptor = try await port.connection()
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        try await log.hears(.connected)
        return try await body(SocketUnderTest(socket: socket, loop: loop, log: log, peer: TestPeer(socket: descriptor)))
    }
}
