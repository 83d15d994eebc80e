import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Connections to backends, kept from one client to the next")
struct UpstreamPoolTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"

    /// A backend that has answered one request of a client, the connection on which it did, and the client.
    private static func afterOneRequest(_ proxy: ProxyUnderTest) async throws -> (backend: TestBackend, peer: TestPeer, client: TestPeer) {
        let backend = try proxy.backend("b-1")
        let client = try proxy.connect()
        try await client.send(Self.get)
        let (_, peer) = try await backend.answerOnce(Self.ok).value
        #expect(try await client.receiveMessage() == Self.ok)
        return (backend, peer, client)
    }

    @Test("another client's request goes out on a connection that is already there")
    func shared() async throws {
        try await withProxy { proxy in
            let serving = try proxy.backend("b-1").serve(Self.ok)
            for _ in 0..<3 {
                let client = try proxy.connect()
                try await client.send(Self.get)
                #expect(try await client.receiveMessage() == Self.ok)
                client.close()
            }
            serving.cancel()
        }
    }

    @Test("a WebSocket gets a connection of its own, since backends may take an upgrade only as the first thing on one")
    func upgrade() async throws {
        try await withProxy { proxy in
            let (backend, kept, client) = try await Self.afterOneRequest(proxy)
            let browser = try proxy.connect()
            try await browser.send(
                "GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            let own = try await backend.accept()
            #expect(try await own.receive(until: "\r\n\r\n").hasPrefix("GET /ws "))
            // The one that was kept still serves what is no upgrade.
            try await client.send(Self.get)
            _ = try await kept.receive(until: "\r\n\r\n")
            try await kept.send(Self.ok)
            #expect(try await client.receiveMessage() == Self.ok)
        }
    }

    @Test("two requests at once use two connections, and no more")
    func concurrent() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let (one, two) = (try proxy.connect(), try proxy.connect())
            try await one.send(Self.get)
            let first = try await backend.accept()
            _ = try await first.receive(until: "\r\n\r\n")
            try await two.send(Self.get)
            let second = try await backend.accept()
            _ = try await second.receive(until: "\r\n\r\n")
            try await second.send(Self.ok)
            #expect(try await two.receiveMessage() == Self.ok)
            try await two.send(Self.get)
            _ = try await second.receive(until: "\r\n\r\n")
            try await first.send(Self.ok)
            #expect(try await one.receiveMessage() == Self.ok)
        }
    }

    @Test("one that has been idle for too long is closed")
    func idle() async throws {
        try await withProxy({ $0.limits.upstreamKeepAlive = .milliseconds(1) }) { proxy in
            let (_, peer, _) = try await Self.afterOneRequest(proxy)
            #expect(try await peer.receiveToEnd().isEmpty)
        }
    }

    /// Sends two requests at once, on connections of their own, and has the second answered first.
    private static func twoAtOnce(_ proxy: ProxyUnderTest, _ backend: TestBackend) async throws -> (first: TestPeer, second: TestPeer) {
        let clients = [try proxy.connect(), try proxy.connect()]
        var peers: [TestPeer] = []
        for client in clients {
            try await client.send(Self.get)
            peers.append(try await backend.accept())
            _ = try await peers[peers.count - 1].receive(until: "\r\n\r\n")
        }
        for index in [1, 0] {
            try await peers[index].send(Self.ok)
            #expect(try await clients[index].receiveMessage() == Self.ok)
        }
        return (peers[0], peers[1])
    }

    @Test("while many requests come at once, connections beyond those that are kept for long are used again")
    func burst() async throws {
        try await withProxy({
            $0.limits.idleUpstreamsPerBackend = 1
            $0.limits.upstreamBurst = .minutes(1)
        }) { proxy in
            let backend = try proxy.backend("b-1")
            let peers = try await Self.twoAtOnce(proxy, backend)
            // The last one used is the first to be used again; both are there.
            let again = [try proxy.connect(), try proxy.connect()]
            for (client, peer) in zip(again, [peers.first, peers.second]) {
                try await client.send(Self.get)
                _ = try await peer.receive(until: "\r\n\r\n")
            }
            for (client, peer) in zip(again, [peers.first, peers.second]) {
                try await peer.send(Self.ok)
                #expect(try await client.receiveMessage() == Self.ok)
            }
        }
    }

    @Test("after it they are closed")
    func afterBurst() async throws {
        try await withProxy({
            $0.limits.idleUpstreamsPerBackend = 1
            $0.limits.upstreamBurst = .milliseconds(1)
        }) { proxy in
            let backend = try proxy.backend("b-1")
            let peers = try await Self.twoAtOnce(proxy, backend)
            #expect(try await peers.second.receiveToEnd().isEmpty)
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await peers.first.receive(until: "\r\n\r\n")
            try await peers.first.send(Self.ok)
            #expect(try await client.receiveMessage() == Self.ok)
        }
    }

    @Test("with none to be kept, all are closed")
    func limit() async throws {
        try await withProxy({ $0.limits.idleUpstreamsPerBackend = 0 }) { proxy in
            let (_, peer, _) = try await Self.afterOneRequest(proxy)
            #expect(try await peer.receiveToEnd().isEmpty)
        }
    }

    @Test("those of a backend that has moved are closed, and the next request goes to the new place")
    func moved() async throws {
        try await withProxy { proxy in
            let (_, peer, client) = try await Self.afterOneRequest(proxy)
            let after = try proxy.backend("b-1")
            // A name that nobody knows makes the proxy look for changes.
            _ = try await proxy.exchange("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\nConnection: close\r\n\r\n")
            #expect(try await peer.receiveToEnd().isEmpty)
            let answering = after.answerOnce(Self.ok)
            try await client.send(Self.get)
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("what a backend says on an idle connection reaches nobody, and ends the connection")
    func unasked() async throws {
        try await withProxy { proxy in
            let (backend, peer, client) = try await Self.afterOneRequest(proxy)
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            #expect(try await peer.receiveToEnd().isEmpty)
            let answering = backend.answerOnce(Self.ok)
            try await client.send(Self.get)
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("a request that must not be sent twice is not, though its connection dies unanswered")
    func notTwice() async throws {
        try await withProxy({ $0.limits.upstreamKeepAliveUnrepeatable = .minutes(1) }) { proxy in
            let (backend, peer, client) = try await Self.afterOneRequest(proxy)
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 0\r\n\r\n")
            _ = try await peer.receive(until: "\r\n\r\n")
            peer.close()
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
            withExtendedLifetime(backend) {}  // it would have taken another connection
        }
    }
}
