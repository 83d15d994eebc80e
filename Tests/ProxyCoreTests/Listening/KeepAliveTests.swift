import Glibc
import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("Half-open connections")
struct KeepAliveTests {
    private static func option(_ descriptor: CInt, _ level: CInt, _ name: CInt) -> CInt {
        var value: CInt = -1
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, level, name, &value, &size)
        return value
    }

    @Test("the kernel asks the peer of every connection that is taken whether it is still there, as often as the limits say")
    func inherited() async throws {
        var limits = ProxyLimits()
        limits.keepAliveProbe = .seconds(17)
        limits.keepAliveProbeInterval = .seconds(5)
        limits.keepAliveProbeCount = 3
        let socket = try ListeningSocket(listeningOn: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
        defer { socket.close() }
        socket.setKeepAlive(limits)
        let port = try #require(try socket.address().port)
        let client = try await LoopbackConnection(port: UInt16(port))
        var queue = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&queue, 1, 5000) == 1)
        let taken = accept(socket.descriptor, nil, nil)
        #expect(taken >= 0)
        defer { Glibc.close(taken) }
        #expect(Self.option(taken, SOL_SOCKET, SO_KEEPALIVE) == 1)
        let tcp = CInt(IPPROTO_TCP)
        #expect([TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map { Self.option(taken, tcp, $0) } == [17, 5, 3])
        // Milliseconds, while something sent is not acknowledged.
        #expect(Self.option(taken, tcp, TCP_USER_TIMEOUT) == 32_000)
        withExtendedLifetime(client) {}
    }
}
