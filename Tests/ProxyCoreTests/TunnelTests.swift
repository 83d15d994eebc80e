import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Upgraded connections")
struct TunnelTests {
    private static let ask =
        "GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n"
    private static let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    /// A client and a backend with a tunnel between them.
    private static func withTunnel(
        _ configure: @escaping (inout DroneProxyOptions) -> Void = { _ in },
        _ body: (_ client: TestPeer, _ backend: TestPeer, _ proxy: ProxyUnderTest) async throws -> Void
    ) async throws {
        try await withProxy(configure) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask)
            let (request, peer) = try await backend.answerOnce(Self.switched).value
            #expect(request.contains("\r\nUpgrade: websocket\r\n"))
            #expect(request.contains("\r\nConnection: Upgrade\r\n"))
            #expect(try await client.receive(until: "\r\n\r\n") == Self.switched)
            try await body(client, peer, proxy)
        }
    }

    @Test("bytes pass both ways as they are")
    func echo() async throws {
        try await Self.withTunnel { client, backend, _ in
            for text in ["one", "two\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
                try await client.send(text)
                #expect(try await backend.receive(until: text) == text)
                try await backend.send(text)
                #expect(try await client.receive(until: text) == text)
            }
        }
    }

    @Test("bytes stay in order while a reader falls behind and catches up, again and again")
    func order() async throws {
        // No part of it looks like the part before.
        let chunk = (0..<65_521).map { UInt8($0 % 251) }
        try await Self.withTunnel { client, backend, _ in
            for (sender, reader) in [(backend, client), (client, backend), (backend, client), (client, backend)] {
                for text in ["one", "two"] {
                    try await sender.send(text)
                    #expect(try await reader.receive(until: text) == text)
                }
                let count = try await sender.sendUntilBlocked(chunk)
                let received = try await reader.receive(count: count)
                #expect(received.indices.allSatisfy { received[$0] == chunk[$0 % chunk.count] })
            }
        }
    }

    @Test("a client that has said its last word still hears the backend's")
    func clientEndsFirst() async throws {
        try await Self.withTunnel { client, backend, _ in
            try await client.send("last word")
            client.closeOutput()
            #expect(try await backend.receiveToEnd() == "last word")
            try await backend.send([UInt8](repeating: 7, count: 1_000_000))
            backend.closeOutput()
            #expect(try await client.countToEnd() == 1_000_000)
        }
    }

    @Test("a backend that has said its last word still hears the client's")
    func backendEndsFirst() async throws {
        try await Self.withTunnel { client, backend, _ in
            try await backend.send("last word")
            backend.closeOutput()
            #expect(try await client.receiveToEnd() == "last word")
            let sending = Task {
                try await client.send([UInt8](repeating: 7, count: 1_000_000)); client.closeOutput()
            }
            #expect(try await backend.countToEnd() == 1_000_000)
            try await sending.value
        }
    }

    @Test("bytes the backend sends together with 101 reach the client")
    func earlyBytes() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask)
            _ = try await backend.answerOnce("\(Self.switched)hello").value
            #expect(try await client.receive(until: "hello") == "\(Self.switched)hello")
        }
    }

    @Test("an answer other than 101 is returned as it is, and the connection goes on")
    func declined() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno").value
            #expect(try await client.receiveMessage() == "HTTP/1.1 403 Forbidden\r\nDate: now\r\nContent-Length: 2\r\n\r\nno")
            try await client.send("GET /next HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("GET /next "))
        }
    }

    @Test("P17: an upgrade with a body sends the body first")
    func withBody() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(
                "POST /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody")
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "body")
            try await peer.send(Self.switched)
            #expect(try await client.receive(until: "\r\n\r\n") == Self.switched)
            try await client.send("through")
            #expect(try await peer.receive(until: "through") == "through")
        }
    }

    @Test("a half-closed tunnel in which nobody speaks does not stay for ever")
    func halfClosedLimit() async throws {
        try await Self.withTunnel({ $0.limits.halfClosedTunnelIdle = .milliseconds(1) }) { client, backend, _ in
            client.closeOutput()
            let heard = try await (backend.receiveToEnd(), client.receiveToEnd())
            #expect(heard.0.isEmpty)
            #expect(heard.1.isEmpty)
        }
    }
}
