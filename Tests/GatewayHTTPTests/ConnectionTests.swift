import Foundation
import GatewayHTTP
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

/// Connections of HTTP/1.1 as clients may use them, and as they may misuse them.
@Suite(.timeLimit(.minutes(10))) struct ConnectionTests {
    private static let health = "GET /pub/health HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let empty = "POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    private func statuses(_ text: String) -> [String] {
        text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
    }

    @Test("requests that are sent at once are answered in their order")
    func pipelined() async throws {
        try await GatewayFixture.run { gateway in
            let peer = try TestPeer.connect(port: gateway.port)
            let last = "GET /pub/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            try await peer.send(Self.health + Self.empty + "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + Self.empty + last)
            let text = try await peer.receiveToEnd()
            #expect(self.statuses(text) == ["200", "409", "404", "409", "200"], "\(text)")
            #expect(text.components(separatedBy: "Connection: close").count == 2)
        }
    }

    @Test("a client that asks on and reads nothing is soon not read itself, and gets every answer when it reads")
    func unread() async throws {
        try await GatewayFixture.run { gateway in
            let peer = try TestPeer.connect(port: gateway.port, receiveBuffer: 4096)
            // Each is answered with more bytes than it has, and there are not too many of them.
            let request = Array("GET /openapi.json HTTP/1.1\r\nHost: a\r\nX-Padding: \(String(repeating: "x", count: 8000))\r\n\r\n".utf8)
            let sent = try await peer.sendUntilBlocked(request, limit: 64 << 20)
            #expect(sent < 32 << 20)
            #expect(try await gateway.get("/pub/health").status == 200)
            peer.closeOutput()
            #expect(try await peer.countToEnd() > sent)
        }
    }

    @Test("a client of HTTP/1.0 is told by the connection's end where the answer ends, unless it asks for another")
    func old() async throws {
        try await GatewayFixture.run { gateway in
            let closing = try TestPeer.connect(port: gateway.port)
            try await closing.send("GET /pub/health HTTP/1.0\r\n\r\n")
            #expect(try await closing.receiveToEnd().hasSuffix(#"{"status":"ok"}"#))
            let kept = try TestPeer.connect(port: gateway.port)
            for _ in 0..<2 {
                try await kept.send("GET /pub/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let answer = try await kept.receiveMessage()
                #expect(answer.contains("Connection: keep-alive") && answer.hasSuffix(#"{"status":"ok"}"#))
            }
        }
    }

    @Test("a target with scheme and host is the path in it")
    func absolute() async throws {
        try await GatewayFixture.run { gateway in
            for (target, status) in [
                ("http://a/pub/health", "200"), ("HTTPS://a:1/pub/health?x", "200"), ("http://a", "200"), ("http://a?x=/pub/health", "200"),
                ("ftp://a/pub/health", "404"),
                ("*", "404"),
            ] {
                let peer = try TestPeer.connect(port: gateway.port)
                try await peer.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                let answer = try await peer.receiveToEnd()
                #expect(self.statuses(answer) == [status], "\(target): \(answer)")
            }
        }
    }

    @Test("a client that waits to be told to send its body is told so, or gets its refusal at once")
    func goesOn() async throws {
        try await GatewayFixture.run { gateway in
            let head = "POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            let told = try TestPeer.connect(port: gateway.port)
            try await told.send(head + "Content-Length: 2\r\n\r\n")
            #expect(try await told.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await told.send("{}")
            #expect(self.statuses(try await told.receiveMessage()) == ["409"])
            let refused = try TestPeer.connect(port: gateway.port)
            try await refused.send(head + "Content-Length: 3000000\r\n\r\n")
            #expect(self.statuses(try await refused.receiveToEnd()) == ["413"])
        }
    }

    @Test("a body that nobody wants is passed over, however its pieces come, and the connection serves on")
    func unwanted() async throws {
        try await GatewayFixture.run { gateway in
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("POST /ctrl/b/nobody/soft-terminate HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            #expect(self.statuses(try await peer.receiveMessage()) == ["404"])
            try await peer.send([UInt8](repeating: 0, count: 1_000_000))
            try await peer.send(Self.health)
            #expect(self.statuses(try await peer.receiveMessage()) == ["200"])
        }
    }

    @Test("a body in many pieces arrives whole; one that breaks off is a bad request")
    func pieces() async throws {
        try await GatewayFixture.run { gateway in
            let whole = try TestPeer.connect(port: gateway.port)
            for byte in Self.empty.utf8 { try await whole.send([byte]) }
            #expect(self.statuses(try await whole.receiveMessage()) == ["409"])
            try await whole.send(
                "POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
            #expect(self.statuses(try await whole.receiveMessage()) == ["409"])
            let broken = try TestPeer.connect(port: gateway.port)
            try await broken.send("POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
            broken.closeOutput()
            #expect(self.statuses(try await broken.receiveToEnd()) == ["400"])
        }
    }

    @Test("a client that has closed its side gets the answers to all it has asked")
    func halfClosed() async throws {
        try await GatewayFixture.run { gateway in
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send(Self.health + Self.empty)
            peer.closeOutput()
            #expect(self.statuses(try await peer.receiveToEnd()) == ["200", "409"])
        }
    }

    @Test("what is no HTTP is told so, behind the answers to what was")
    func garbage() async throws {
        try await GatewayFixture.run { gateway in
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("\u{1}\u{2}\r\n\r\n")
            #expect(self.statuses(try await peer.receiveToEnd()) == ["400"])
            let late = try TestPeer.connect(port: gateway.port)
            try await late.send(Self.health + "\u{1}\u{2}\r\n\r\n")
            #expect(self.statuses(try await late.receiveToEnd()).first == "200")
        }
    }

    @Test("what a client sends behind a request for a tunnel or another protocol is not kept", arguments: ["CONNECT a:1", "GET /pub/health", "status-stream"])
    func undecoded(request: String) async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let backend = try #require(answer["backend_id"]?.text)
            let line = request == "status-stream" ? "GET /pub/b/\(backend)/status-stream" : request
            let upgrade = request.hasPrefix("CONNECT") ? "" : "Connection: upgrade\r\nUpgrade: x\r\n"
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("\(line) HTTP/1.1\r\nHost: a\r\n\(upgrade)\r\n")
            if request == "status-stream" { try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount == 1 } }
            // The kernel may take some megabytes before it tells that the connection is closed.
            let sent = try? await peer.sendUntilBlocked([UInt8](repeating: 0x61, count: 65_536), limit: 64 << 20)
            #expect(sent ?? 0 < 32 << 20)
            #expect(try await gateway.get("/pub/health").status == 200)
            try await eventually("nobody listens") { gateway.gateway.fleet.listenerCount == 0 }
        }
    }

    @Test("a body that comes with the request for a stream is read and dropped, and the stream goes on")
    func streamWithBody() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let backend = try BackendID.make(try #require(answer["backend_id"]?.text))
            let length = 32 << 20
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("GET /pub/b/\(backend)/status-stream HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
            try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount == 1 }
            #expect(try await peer.sendUntilBlocked([UInt8](repeating: 0x61, count: 65_536), limit: length, quietMilliseconds: 20_000) == length)
            gateway.drone.report(backend, .exited)
            #expect(try await peer.receive(until: "0\r\n\r\n").contains("id: terminated"))
        }
    }

    @Test("a client that closes its side behind more requests than are kept is cut off")
    func endless() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("GET /pub/b/\(try #require(answer["backend_id"]?.text))/status-stream HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount == 1 }
            let requests = Array(repeating: "GET / HTTP/1.1\r\n\r\n", count: 4000).joined()
            try await peer.send(requests)
            peer.closeOutput()
            try await eventually("nobody listens") { gateway.gateway.fleet.listenerCount == 0 }
        }
    }

    @Test("a stream lets go of a client that is gone, and of one of 0.3's interface whose side is closed")
    func gone() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let backend = try #require(answer["backend_id"]?.text)
            for (port, path) in [
                (gateway.port, "/pub/b/\(backend)/status-stream"), (gateway.port, "/ctrl/c/plane.test/events"),
                (gateway.legacyPort, "/backend/\(backend)/status/stream"),
            ] {
                let peer = try TestPeer.connect(port: port)
                try await peer.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                // The end of the head, or of the chunk that comes with it.
                _ = try await peer.receive(until: "\r\n")
                try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount == 1 }
                if port == gateway.legacyPort { peer.closeOutput() } else { peer.reset() }
                try await eventually("nobody listens") { gateway.gateway.fleet.listenerCount == 0 }
            }
        }
    }

    @Test("a stream of statuses ends with its last chunk, and the connection serves on")
    func reused() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let backend = try BackendID.make(try #require(answer["backend_id"]?.text))
            let peer = try TestPeer.connect(port: gateway.port)
            try await peer.send("GET /pub/b/\(backend)/status-stream HTTP/1.1\r\nHost: a\r\n\r\n" + Self.health)
            try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount == 1 }
            gateway.drone.report(backend, .exited)
            let stream = try await peer.receive(until: #"{"status":"ok"}"#)
            #expect(stream.contains("id: terminated\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK"), "\(stream)")
        }
    }
}
