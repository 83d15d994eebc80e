import Testing

@Suite("Forwarding: bytes in, bytes out")
struct ForwardingTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    @Test("a request reaches its backend by host name, with forwarding fields, and its response comes back")
    func byHostName() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET /a?b=c HTTP/1.1\r\nHost: B-1.plane.test:8080\r\nAccept: */*\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            let seen = try await answering.value.request
            #expect(
                seen == """
                    GET /a?b=c HTTP/1.1\r
                    Host: B-1.plane.test:8080\r
                    Accept: */*\r
                    X-Forwarded-For: 127.0.0.1\r
                    X-Forwarded-Proto: http\r
                    X-Forwarded-Host: B-1.plane.test:8080\r
                    \r

                    """)
        }
    }

    @Test("both connections are kept and used again")
    func keepAlive() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve(Self.ok)
            let client = try proxy.connect()
            for _ in 0..<50 {
                try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                #expect(try await client.receiveMessage() == Self.ok)
            }
            client.close()
            await #expect(throws: TestPeer.Failure.self) { try await serving.value }
        }
    }
}
