import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Refusing: what the proxy answers itself")
struct RefusalTests {
    private static let anyOrigin = "\r\nAccess-Control-Allow-Origin: *\r\n"

    @Test("a request that could be read in two ways is 400, the connection ends, and no backend sees a byte", arguments: HostileRequest.all)
    func hostile(_ request: HostileRequest) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b")
            let response = try await proxy.exchange("\(request.bytes)GET /smuggled HTTP/1.1\r\nHost: b.plane.test\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 \(request.violation.status.rawValue) "))
            #expect(response.contains("\r\nConnection: close\r\n"))
            #expect(response.contains(request.violation.sentence))
            #expect(response.split(separator: "HTTP/1.1 ").count == 1)
            // The backend's first connection is this one, so there was none before it.
            let (request, _) = try await Self.firstRequest(backend, through: proxy)
            #expect(request.hasPrefix("GET /first "))
        }
    }

    private static func firstRequest(_ backend: TestBackend, through proxy: ProxyUnderTest) async throws -> (request: String, peer: TestPeer) {
        let client = try proxy.connect()
        try await client.send("GET /first HTTP/1.1\r\nHost: b.plane.test\r\n\r\n")
        return try await backend.answerOnce("HTTP/1.1 204 No Content\r\n\r\n").value
    }

    @Test("a malformed chunk in a body ends both connections")
    func hostileBody() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "abc\r\n")
            try await client.send("3;x=\r\nabc\r\n")
            #expect(try await client.receiveToEnd().hasPrefix("HTTP/1.1 400 "))
            #expect(try await peer.receiveToEnd().isEmpty)
        }
    }

    @Test("a host that names no backend is 400, readable from other origins, and the connection goes on")
    func noName() async throws {
        try await withProxy { proxy in
            let client = try proxy.connect()
            for _ in 0..<2 {
                try await client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
                let response = try await client.receiveMessage()
                #expect(response.hasPrefix("HTTP/1.1 400 "))
                #expect(response.contains(Self.anyOrigin))
            }
        }
    }

    @Test("an unknown backend is 404, readable from other origins")
    func unknown() async throws {
        try await withProxy { proxy in
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            let response = try await client.receiveMessage()
            #expect(response.hasPrefix("HTTP/1.1 404 "))
            #expect(response.contains(Self.anyOrigin))
        }
    }

    @Test("an answer to HEAD has a length and no body")
    func head() async throws {
        try await withProxy { proxy in
            let response = try await proxy.exchange("HEAD / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 404 "))
            #expect(response.hasSuffix("\r\n\r\n"))
        }
    }

    @Test("P1: a backend that refuses the connection is 502 with a sentence, and the client's connection goes on")
    func refusedConnection() async throws {
        try await withProxy { proxy in
            // A socket that is only closed may live on for a moment, in a program that another test is just starting.
            try proxy.backend("b-1").stopListening()
            let client = try proxy.connect()
            for _ in 0..<2 {
                try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                let response = try await client.receiveMessage()
                #expect(response.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
                #expect(response.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
                #expect(response.hasSuffix("The backend refused the connection.\n"))
            }
        }
    }

    @Test("a refused connection makes the proxy look once more, and finds where the backend is now")
    func moved() async throws {
        try await withProxy { proxy in
            let gone = try TestBackend()
            proxy.routes.set("b-1", .ready(try gone.socketAddress(), token: nil))
            let client = try proxy.connect()
            try await client.send("GET /1 HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            _ = try await gone.answerOnce("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").value
            _ = try await client.receiveMessage()
            gone.stopListening()
            let backend = try TestBackend()
            proxy.routes.setSilently("b-1", .ready(try backend.socketAddress(), token: nil))
            let answering = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            try await client.send("GET /2 HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            #expect(try await answering.value.request.hasPrefix("GET /2 "))
        }
    }

    @Test("routes that cannot be read do not stop traffic to backends already known")
    func unreadableRoutes() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n")
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            proxy.routes.makeUnreadable(true)
            for _ in 0..<100 {
                try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            }
            #expect(
                try await proxy.exchange("GET / HTTP/1.1\r\nHost: new.plane.test\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 502 "))
            client.close()
            serving.cancel()  // its connection is kept for others, and ends with the proxy
        }
    }
}
