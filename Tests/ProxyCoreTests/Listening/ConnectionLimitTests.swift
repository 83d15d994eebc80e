import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Limits: P10, how many connections")
struct ConnectionLimitTests {
    private static let get = "GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n"

    @Test("P10: a client with too many connections gets no more, until it closes one; those it has go on")
    func perAddress() async throws {
        try await withProxy({ $0.limits.connectionsPerAddress = 2 }) { proxy in
            let (first, second) = (try proxy.connect(), try proxy.connect())
            for client in [first, second] {
                try await client.send(Self.get)
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 404 "))
            }
            #expect(try await proxy.connect().receiveToEnd().isEmpty)
            first.close()
            try await eventually("there is room again") {
                let client = try proxy.connect()
                try? await client.send(Self.get)
                return await (try? client.receiveMessage())?.hasPrefix("HTTP/1.1 404 ") ?? false
            }
            try await second.send(Self.get)
            #expect(try await second.receiveMessage().hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test("P10: when as many are open as may be, others wait; idle ones make room for them")
    func inAll() async throws {
        try await withProxy({
            $0.limits.connections = 2
            $0.limits.keepAliveWhenFull = .zero
        }) { proxy in
            let first = [try proxy.connect(), try proxy.connect()]
            for client in first {
                try await client.send(Self.get)
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 404 "))
            }
            // More than one reading of the queue takes, so that some have to wait.
            let others = try (0..<40).map { _ in try proxy.connect() }
            for client in others {
                try await client.send(Self.get)
            }
            for client in others { #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 404 ")) }
            for client in first { #expect(try await client.receiveToEnd().isEmpty) }
        }
    }
}
