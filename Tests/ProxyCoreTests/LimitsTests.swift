import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Limits: P10, who lets us wait")
struct LimitsTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"

    @Test("a head that does not come to its end is 408")
    func slowHead() async throws {
        try await withProxy({ $0.limits.requestHead = .milliseconds(1) }) { proxy in
            try await proxy.beginsHead("GET / HTTP/1.1\r\nHost: ")
        }
    }

    @Test("a connection on which no request begins is closed without a word")
    func silent() async throws {
        try await withProxy({ $0.limits.requestHead = .milliseconds(1) }) { proxy in
            let client = try proxy.connect()
            #expect(try await client.receiveToEnd().isEmpty)
        }
    }

    @Test("a kept connection is closed when it is not used again")
    func idle() async throws {
        try await withProxy({ $0.limits.keepAlive = .milliseconds(1) }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await backend.answerOnce("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n").value
            #expect(try await client.receiveToEnd() == "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n")
        }
    }

    @Test("a body that stops coming is 408, and the backend's connection ends")
    func slowBody() async throws {
        try await withProxy({ $0.limits.requestBodyIdle = .milliseconds(500) }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 10\r\n\r\nhalf")
            let peer = try await backend.accept()
            #expect(try await peer.receiveToEnd().hasSuffix("half"))
            #expect(try await client.receiveToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a backend that does not answer is 504, and the client's connection goes on")
    func slowResponse() async throws {
        try await withProxy({ $0.limits.response = .milliseconds(1) }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let peer = try await backend.accept()
            let response = try await client.receiveMessage()
            #expect(response.hasPrefix("HTTP/1.1 504 Gateway Timeout\r\n"))
            #expect(response.hasSuffix("The backend did not respond in time.\n"))
            _ = try await peer.receiveToEnd()
            try await client.send("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test("a response that stops coming is cut off")
    func slowResponseBody() async throws {
        try await withProxy({ $0.limits.responseBodyIdle = .milliseconds(1) }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").value
            await #expect(throws: TestPeer.Failure.self) { try await client.receive(count: 1_000_000) }
            _ = try await peer.receiveToEnd()
        }
    }

    @Test("a client that leaves in the middle of an event stream takes the backend's connection with it")
    func leftStream() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n").value
            _ = try await client.receive(until: "data: 1\n\n")
            client.close()
            #expect(try await peer.receiveToEnd().isEmpty)
        }
    }
}
