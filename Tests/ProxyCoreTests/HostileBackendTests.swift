import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Hostile backends: what reaches the client is unambiguous, or it is 502")
struct HostileBackendTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"

    private static func answer(of bytes: String, to request: String = Self.get) async throws -> String {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(request)
            let (_, peer) = try await backend.answerOnce(bytes).value
            peer.closeOutput()
            return try await client.receiveMessage()
        }
    }

    @Test(
        "is answered with 502",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Len", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 20),
            "HTTP/1.1 200 OK\r\n\(String(repeating: "A: \(String(repeating: "a", count: 8000))\r\n", count: 5))\r\n",
        ])
    func badGateway(bytes: String) async throws {
        let response = try await Self.answer(of: bytes)
        #expect(response.split(separator: "HTTP/1.1 100 Continue\r\n\r\n").joined().hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    }

    @Test(
        "a head whose fields all end with a line feed alone is read, and passed on with the line ends it should have",
        arguments: ["HTTP/1.0 200 OK\r\n", "HTTP/1.0 200 OK\n", "HTTP/1.1 200 OK\n"])
    func lineFeeds(statusLine: String) async throws {
        let response = try await Self.answer(of: "\(statusLine)Content-Type: text/html\nContent-Length: 8\nDate: now\n\n<p>\r\na\n\n")
        #expect(response.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 8\r\nDate: now\r\n"))
        #expect(response.hasSuffix("\r\n\r\n<p>\r\na\n\n"))
    }

    @Test("such a head may come byte by byte")
    func lineFeedsInPieces() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            for byte in Array("HTTP/1.0 200 OK\r\nContent-Length: 2\nDate: now\n\nok".utf8) { try await peer.send([byte]) }
            #expect(try await client.receiveMessage().hasSuffix("\r\n\r\nok"))
        }
    }

    @Test(
        "lines that end in both ways can be read in two ways, and are 502",
        arguments: [
            "HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: c=d\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\nContent-Length: 0\n\n",
            "HTTP/1.1 200 OK\nA: b\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\n", "HTTP/1.1 200 OK\nA: b\rc\n\n",
        ])
    func mixedLineEnds(bytes: String) async throws {
        #expect(try await Self.answer(of: bytes).hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    }

    @Test("101 to a request that asked for another connection option is 502, and its bytes are not passed on")
    func unaskedUpgrade() async throws {
        let response = try await Self.answer(
            of: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nsecret",
            to: "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n\r\n")
        #expect(response.hasPrefix("HTTP/1.1 502 "))
        #expect(!response.contains("secret"))
    }

    @Test(
        "101 to another protocol than the one asked for, or with a body's length, is 502, and its bytes are not passed on",
        arguments: ["Upgrade: h2c", "Upgrade: websocket\r\nContent-Length: 6"])
    func otherUpgrade(fields: String) async throws {
        let response = try await Self.answer(
            of: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\(fields)\r\n\r\nsecret",
            to: "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(response.hasPrefix("HTTP/1.1 502 "))
        #expect(!response.contains("secret"))
    }

    @Test("interim responses pass before the final one")
    func interim() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await backend.answerOnce(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
            ).value
            #expect(
                try await client.receive(until: "ok")
                    == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    @Test("bytes behind a response are not taken for the answer to the next request")
    func excess() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await backend.answerOnce(
                "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
            ).value
            #expect(try await client.receiveMessage() == "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
            try await client.send(Self.get)
            _ = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nclean").value
            #expect(try await client.receiveMessage().hasSuffix("\r\n\r\nclean"))
        }
    }

    @Test("bytes sent between two requests end the backend's connection")
    func unasked() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").value
            _ = try await client.receiveMessage()
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            #expect(try await peer.receiveToEnd().isEmpty)
            try await client.send(Self.get)
            _ = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean").value
            #expect(try await client.receiveMessage().hasSuffix("clean"))
        }
    }

    @Test("the head of a response that broke off has no say in the next one")
    func brokenHead() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: this goes on and").value
            peer.closeOutput()
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
            try await client.send(Self.get)
            _ = try await backend.answerOnce("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n").value
            #expect(try await client.receiveMessage() == "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n")
        }
    }

    @Test("a malformed chunk does not look like the end to a client of HTTP/1.0, which gets none")
    func brokenChunkToOldClient() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.0\r\nHost: b-1.plane.test\r\n\r\n")
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").value
            _ = try await client.receive(until: "half")
            try await peer.send("nonsense\r\n")
            await #expect(throws: TestPeer.Failure.self) { try await client.receiveToEnd() }
        }
    }

    @Test("a response that a reset breaks off, while the request is still on its way, does not look whole")
    func resetWhileUploading() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 1000000000\r\n\r\n")
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            _ = try await client.sendUntilBlocked([UInt8](repeating: 1, count: 65_536))
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\n\r\nhalf")
            _ = try await client.receive(until: "half")
            peer.reset()
            await #expect(throws: TestPeer.Failure.self) { try await client.receiveToEnd() }
        }
    }

    @Test("a body that breaks off is not passed on as whole", arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"])
    func brokenOff(framing: String) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\n\(framing)\r\n\r\n5\r\nab").value
            _ = try await client.receive(until: "5\r\nab")
            peer.closeOutput()
            await #expect(throws: TestPeer.Failure.self) { try await client.receiveToEnd() }
        }
    }

    @Test("a kept connection the backend has closed is replaced without the client noticing")
    func closedWhileIdle() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            for _ in 0..<20 {
                try await client.send(Self.get)
                let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok").value
                #expect(try await client.receiveMessage().hasSuffix("ok"))
                peer.close()
            }
        }
    }

    @Test(
        "a kept connection that dies with the next request on it is replaced, and the request sent again if it may come twice and has no body",
        arguments: [
            ("GET", "", true), ("DELETE", "", true), ("TRACE", "", true), ("PUT", "Content-Length: 0\r\n", true), ("POST", "Content-Length: 0\r\n", false),
            ("PUT", "Content-Length: 2\r\n", false),
        ])
    func closedWithRequest(method: String, length: String, mayRepeat: Bool) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok").value
            _ = try await client.receiveMessage()
            try await client.send("\(method) / HTTP/1.1\r\nHost: b-1.plane.test\r\n\(length)\r\n" + (length.contains("2") ? "ab" : ""))
            _ = try await peer.receive(until: length.contains("2") ? "\r\n\r\nab" : "\r\n\r\n")
            peer.close()
            guard mayRepeat else {
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
                return
            }
            _ = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nagain").value
            #expect(try await client.receiveMessage().hasSuffix("again"))
        }
    }
}
