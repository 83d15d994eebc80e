import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Holding: requests for backends that are still starting")
struct HoldingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    @Test("they wait, and go on when the backend is ready")
    func released() async throws {
        try await withProxy { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let backend = try TestBackend()
            let client = try proxy.connect()
            try await client.send(Self.get)
            await proxy.routes.untilRead()
            let answering = backend.answerOnce(Self.ok)
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil))
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("many wait together")
    func many() async throws {
        try await withProxy(loops: 2) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let backend = try TestBackend()
            let clients = try (0..<40).map { _ in try proxy.connect() }
            for client in clients { try await client.send(Self.get) }
            await proxy.routes.untilRead()
            let answers = clients.map { _ in backend.answerOnce(Self.ok) }
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil))
            for client in clients { #expect(try await client.receiveMessage() == Self.ok) }
            for answer in answers { _ = try await answer.value }
        }
    }

    @Test("a backend that ends meanwhile is 502")
    func ended() async throws {
        try await withProxy { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let client = try proxy.connect()
            try await client.send(Self.get)
            await proxy.routes.untilRead()
            proxy.routes.set("b-1", .none)
            let response = try await client.receiveMessage()
            #expect(response.hasPrefix("HTTP/1.1 502 "))
            #expect(response.hasSuffix("The backend ended before it was ready.\n"))
        }
    }

    @Test("one that takes too long is 504, and the connection goes on")
    func tooLong() async throws {
        try await withProxy({ $0.limits.hold = .milliseconds(1) }) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let client = try proxy.connect()
            for _ in 0..<2 {
                try await client.send(Self.get)
                let response = try await client.receiveMessage()
                #expect(response.hasPrefix("HTTP/1.1 504 Gateway Timeout\r\n"))
                #expect(response.hasSuffix("The backend is still starting.\n"))
            }
        }
    }

    @Test("the token is asked for before a request is held")
    func token() async throws {
        try await withProxy { proxy in
            proxy.routes.set("b-1", .starting(token: "s3cret"))
            let client = try proxy.connect()
            try await client.send(Self.get)
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 401 "))
        }
    }

    @Test("requests sent ahead and a body behind a held one wait with it")
    func sentAhead() async throws {
        try await withProxy { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let backend = try TestBackend()
            let client = try proxy.connect()
            try await client.send("POST /1 HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 4\r\n\r\nbo")
            await proxy.routes.untilRead()
            try await client.send("dyGET /2 HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil))
            let peer = try await backend.accept()
            #expect(try await peer.receive(until: "body").hasPrefix("POST /1 "))
            try await peer.send(Self.ok)
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("GET /2 "))
            try await peer.send(Self.ok)
            #expect(try await client.receive(until: "okHTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok") == Self.ok + Self.ok)
        }
    }

    @Test("a client that leaves is forgotten")
    func left() async throws {
        try await withProxy { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let backend = try TestBackend()
            let leaving = try proxy.connect()
            try await leaving.send(Self.get)
            await proxy.routes.untilRead()
            leaving.close()
            #expect(try await leaving.receiveToEnd().isEmpty)
            let staying = try proxy.connect()
            try await staying.send("GET /stays HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil))
            #expect(try await backend.answerOnce(Self.ok).value.request.hasPrefix("GET /stays "))
        }
    }
}
