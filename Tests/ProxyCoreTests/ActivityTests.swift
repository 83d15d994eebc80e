import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Synchronization
import Testing

@Suite("Activity: what keeps a backend from being swept")
struct ActivityTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    /// Keeps a connection open to a backend, so that every round from now on tells of it.
    private static func stayOpen(_ name: String, through proxy: ProxyUnderTest) async throws -> (client: TestPeer, peer: TestPeer) {
        let backend = try proxy.backend(name)
        let client = try proxy.connect()
        try await client.send("GET / HTTP/1.1\r\nHost: \(name).plane.test\r\n\r\n")
        let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").value
        return (client, peer)
    }

    /// Whether soon only `name` is told of. A round may have been under way, so the first ones may hold others.
    private static func soonOnly(_ name: String, _ rounds: inout AsyncStream<Set<String>>.Iterator) async -> Bool {
        for _ in 0..<1_000 {
            if await rounds.next() == [name] { return true }
        }
        return false
    }

    @Test("a request is noted in the next round, and soon not any more")
    func request() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await client.receiveMessage()
            #expect(await rounds.next() == ["b-1"])
            let other = try await Self.stayOpen("b-2", through: proxy)
            #expect(await Self.soonOnly("b-2", &rounds))
            withExtendedLifetime(other) {}
        }
    }

    @Test("P6: a response that goes on is noted in every round until it ends")
    func streaming() async throws {
        try await withProxy { proxy in
            let (client, peer) = try await Self.stayOpen("b-1", through: proxy)
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            for _ in 0..<3 { #expect(await rounds.next() == ["b-1"]) }
            peer.close()
            _ = try await client.receiveToEnd()
            let other = try await Self.stayOpen("b-2", through: proxy)
            #expect(await Self.soonOnly("b-2", &rounds))
            withExtendedLifetime(other) {}
        }
    }

    @Test("an upgraded connection is noted for as long as it is open, even when nobody speaks")
    func tunnel() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            let (_, peer) = try await backend.answerOnce(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            ).value
            for _ in 0..<3 { #expect(await rounds.next() == ["b-1"]) }
            try await eventually("it is told as a tunnel") {
                proxy.activity.latest.withLock { $0["b-1"] } == BackendActivity(name: "b-1", openRequests: 0, openTunnels: 1)
            }
            client.close()
            _ = try await peer.receiveToEnd()
            peer.close()
            let other = try await Self.stayOpen("b-2", through: proxy)
            #expect(await Self.soonOnly("b-2", &rounds))
            #expect(proxy.activity.latest.withLock { $0["b-1"] } == BackendActivity(name: "b-1", openRequests: 0, openTunnels: 0))
            #expect(proxy.activity.latest.withLock { $0["b-2"] } == BackendActivity(name: "b-2", openRequests: 1, openTunnels: 0))
            withExtendedLifetime(other) {}
        }
    }

    @Test("P5: a request without the right token is not activity")
    func unauthorised() async throws {
        try await withProxy { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            let open = try proxy.backend("open")
            let client = try proxy.connect()
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            try await client.send("GET / HTTP/1.1\r\nHost: closed.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 401 "))
            try await client.send("GET / HTTP/1.1\r\nHost: closed.plane.test\r\nAuthorization: Bearer wrong\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 403 "))
            try await client.send("GET / HTTP/1.1\r\nHost: open.plane.test\r\n\r\n")
            _ = try await open.answerOnce(Self.ok).value
            #expect(await rounds.next() == ["open"])
        }
    }

    @Test("P14: what could not be written is written with the next round")
    func failed() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            proxy.activity.failNext(1)
            let client = try proxy.connect()
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await client.receiveToEnd()
            #expect(await rounds.next() == ["b-1"])
        }
    }

    @Test("what happened last is written when the proxy stops")
    func lastRound() async throws {
        let activity = try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await client.receiveToEnd()
            return proxy.activity
        }
        var rounds = activity.rounds.makeAsyncIterator()
        #expect(await rounds.next() == ["b-1"])
    }
}
