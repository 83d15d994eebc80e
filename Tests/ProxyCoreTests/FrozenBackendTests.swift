import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Synchronization
import Testing

@Suite("Backends that are frozen while there is no traffic")
struct FrozenBackendTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let ask = "GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n"
    private static let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    /// Empty, and masked with zeros.
    private static let ping: [UInt8] = [0x89, 0x80, 0, 0, 0, 0]
    private static let pong: [UInt8] = [0x8A, 0]
    private static let message: [UInt8] = [0x81, 0x81, 0, 0, 0, 0, 0x41]

    private func isWanted(_ proxy: ProxyUnderTest) -> Bool { proxy.activity.wanted.withLock { $0.contains("b-1") } }

    @Test("a request waits until the backend goes on, which is told at once that it is wanted, also when that cannot be written at first", arguments: [0, 2])
    func request(failures: Int) async throws {
        try await withProxy { proxy in
            let backend = try TestBackend()
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil, hold: .frozen))
            proxy.activity.failNext(failures)
            let client = try proxy.connect()
            try await client.send(Self.get)
            try await eventually("it is wanted") { self.isWanted(proxy) }
            let answering = backend.answerOnce(Self.ok)
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil, hold: .awake))
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("a request for a backend that does not go on is 504, and the token is asked for before")
    func tooLong() async throws {
        try await withProxy({ $0.limits.hold = .milliseconds(1) }) { proxy in
            let backend = try TestBackend()
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil, hold: .frozen))
            proxy.routes.set("b-2", .ready(try backend.socketAddress(), token: "s3cret", hold: .frozen))
            #expect(try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 504 "))
            #expect(try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-2.plane.test\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 401 "))
            #expect(proxy.activity.wanted.withLock { !$0.contains("b-2") })
        }
    }

    @Test(
        "the first request after a pause says that its backend is wanted if that may be frozen, and not otherwise", arguments: [BackendFreezing.awake, .never])
    func firstRequest(hold: BackendFreezing) async throws {
        try await withProxy { proxy in
            let backend = try TestBackend()
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil, hold: hold))
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await client.receiveMessage()
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            #expect(await rounds.next() == ["b-1"])
            // Each is written by itself.
            if hold == .awake { try await eventually("it is wanted") { self.isWanted(proxy) } } else { #expect(!self.isWanted(proxy)) }
        }
    }

    /// A WebSocket to a backend that may be frozen.
    private func withWebSocket(
        hold: BackendFreezing = .awake, _ body: (_ client: TestPeer, _ backend: TestPeer, _ proxy: ProxyUnderTest) async throws -> Void
    ) async throws {
        try await withProxy { proxy in
            let backend = try TestBackend()
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil, hold: hold))
            if hold != .never { proxy.activity.told.withLock { $0["b-1"] = hold } }
            let client = try proxy.connect()
            try await client.send(Self.ask)
            let (_, peer) = try await backend.answerOnce(Self.switched).value
            #expect(try await client.receive(until: "\r\n\r\n") == Self.switched)
            try await body(client, peer, proxy)
        }
    }

    /// Tells the proxy, and returns when its event loops know.
    private func tell(_ hold: BackendFreezing, _ proxy: ProxyUnderTest) async throws {
        proxy.activity.told.withLock { $0["b-1"] = hold }
        let asked = proxy.activity.askedForHolds.withLock { $0 }
        // When it asks for the second time, the loops have been told what it was told for the first time.
        try await eventually("it is told", within: .seconds(20)) { proxy.activity.askedForHolds.withLock { $0 } >= asked + 3 }
    }

    private func waitUntilQuiet(_ proxy: ProxyUnderTest) async throws {
        try await eventually("it is quiet", within: .seconds(20)) { proxy.activity.latest.withLock { $0["b-1"]?.isQuiet } == true }
    }

    @Test("a WebSocket in which there is nothing but pings and pongs is told as quiet; whatever else either side says is traffic, and is told at once")
    func quiet() async throws {
        try await self.withWebSocket { client, backend, proxy in
            try await self.waitUntilQuiet(proxy)
            proxy.activity.wanted.withLock { $0 = [] }
            try await client.send(Self.ping)
            #expect(try await backend.receive(count: Self.ping.count) == Self.ping)
            try await backend.send(Self.pong)
            #expect(try await client.receive(count: Self.pong.count) == Self.pong)
            #expect(!self.isWanted(proxy))
            for (sender, reader, frame) in [(client, backend, Self.message), (backend, client, [0x81, 0x00])] {
                try await self.waitUntilQuiet(proxy)
                proxy.activity.wanted.withLock { $0 = [] }
                let busy = proxy.activity.busyRounds.withLock { $0["b-1"] ?? 0 }
                try await sender.send(frame)
                #expect(try await reader.receive(count: frame.count) == frame)
                try await eventually("it is told") { self.isWanted(proxy) }
                try await eventually("it is not quiet", within: .seconds(20)) { proxy.activity.busyRounds.withLock { $0["b-1"] ?? 0 } > busy }
            }
        }
    }

    @Test("a WebSocket to a backend that is never frozen is not told as quiet")
    func never() async throws {
        try await self.withWebSocket(hold: .never) { client, backend, proxy in
            let busy = BackendActivity(name: "b-1", openTunnels: 1)
            try await eventually("the tunnel is told") { proxy.activity.latest.withLock { $0["b-1"] } == busy }
            let told = proxy.activity.busyRounds.withLock { $0["b-1"] ?? 0 }
            try await eventually("it is told again and again") { proxy.activity.busyRounds.withLock { $0["b-1"] ?? 0 } > told + 3 }
            #expect(proxy.activity.latest.withLock { $0["b-1"] } == busy)
            withExtendedLifetime((client, backend)) {}
        }
    }

    @Test("while it is frozen its pings are answered and reach it not; the first message is sent on, wakes it, and stays in order with what follows")
    func frozen() async throws {
        try await self.withWebSocket { client, backend, proxy in
            try await self.waitUntilQuiet(proxy)
            try await self.tell(.frozen, proxy)
            proxy.activity.wanted.withLock { $0 = [] }
            for _ in 0..<3 {
                try await client.send(Self.ping)
                #expect(try await client.receive(count: Self.pong.count) == Self.pong)
            }
            #expect(!self.isWanted(proxy))
            try await client.send(Self.message + Self.ping)
            #expect(try await client.receive(count: Self.pong.count) == Self.pong)
            try await eventually("it is wanted") { self.isWanted(proxy) }
            #expect(try await backend.receive(count: Self.message.count) == Self.message)
            try await self.tell(.awake, proxy)
            try await client.send(Self.ping)
            #expect(try await backend.receive(count: Self.ping.count) == Self.ping)
        }
    }

    @Test("a ping that has reached the backend just before it was frozen is answered as well")
    func owed() async throws {
        try await self.withWebSocket { client, backend, proxy in
            try await self.waitUntilQuiet(proxy)
            try await client.send(Self.ping)
            #expect(try await backend.receive(count: Self.ping.count) == Self.ping)
            proxy.activity.told.withLock { $0["b-1"] = .frozen }
            #expect(try await client.receive(count: Self.pong.count) == Self.pong)
        }
    }

    @Test("a visitor who leaves a frozen backend wakes it, so that it learns of that")
    func leaves() async throws {
        try await self.withWebSocket { client, backend, proxy in
            try await self.waitUntilQuiet(proxy)
            proxy.activity.wanted.withLock { $0 = [] }
            client.closeOutput()
            #expect(try await backend.receiveToEnd().isEmpty)
            try await eventually("it is wanted") { self.isWanted(proxy) }
        }
    }
}
