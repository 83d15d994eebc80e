import DroneProxyPolicy
import PlaneProtocol
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Forwarding: bytes in, bytes out")
struct ForwardingTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"

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
                seen.replacing(#/[0-9a-f]{32}/#, with: "<32 digits>") == """
                    GET /a?b=c HTTP/1.1\r
                    Host: B-1.plane.test:8080\r
                    Accept: */*\r
                    X-Request-Id: <32 digits>\r
                    X-Forwarded-For: 127.0.0.1\r
                    X-Forwarded-Proto: http\r
                    X-Forwarded-Host: B-1.plane.test:8080\r
                    \r

                    """)
        }
    }

    @Test("P11: a request reaches its backend by path")
    func byPath() async throws {
        try await withProxy({ $0.allowsPathRouting = true }) { proxy in
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET /_plane_backend=b-1?x=/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            #expect(try await answering.value.request.hasPrefix("GET /?x=/1 HTTP/1.1\r\nHost: localhost\r\n"))
        }
    }

    @Test(
        "passthrough gets every request for a name that no backend has, of the cluster or not, as it is",
        arguments: ["unknown.plane.test", "plane.test", "other.test", "localhost", "127.0.0.1:8080", "[::1]", "b-1.plane.test."])
    func passthrough(host: String) async throws {
        let target = try TestBackend()
        let address = try target.socketAddress()
        try await withProxy({ $0.passthrough = address }) { proxy in
            let answering = target.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET /_plane_auth?token=x HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            #expect(try await answering.value.request.hasPrefix("GET /_plane_auth?token=x HTTP/1.1\r\nHost: \(host)\r\n"))
        }
    }

    @Test("without passthrough, names outside of the cluster are 400, and a passthrough that refuses is 502")
    func noPassthrough() async throws {
        let request = "GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n"
        let without = try await withProxy { try await $0.exchange(request) }
        #expect(without.hasPrefix("HTTP/1.1 400 "))
        let target = try TestBackend()
        let address = try target.socketAddress()
        target.stopListening()
        let refused = try await withProxy({ $0.passthrough = address }) { try await $0.exchange(request) }
        #expect(refused.hasPrefix("HTTP/1.1 502 "))
    }

    @Test("both connections are kept and used again", arguments: [1, 2])
    func keepAlive(loops: Int) async throws {
        try await withProxy(loops: loops) { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve(Self.ok)
            let client = try proxy.connect()
            for _ in 0..<50 {
                try await client.send(Self.get)
                #expect(try await client.receiveMessage() == Self.ok)
            }
            client.close()
            serving.cancel()  // its connection is kept for others, and ends with the proxy
        }
    }

    @Test("requests sent ahead are answered in order, one at a time")
    func pipelining() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(
                "POST /1 HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 3\r\n\r\nabc"
                    + "GET /2 HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n" + "GET /3 HTTP/1.1\r\nHost: other.plane.test\r\n\r\n"
                    + "GET /4 HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            let peer = try await backend.accept()
            #expect(try await peer.receive(until: "abc").hasPrefix("POST /1 "))
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("GET /2 "))
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2")
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("GET /4 "))
            try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4")
            let all = try await client.receiveToEnd()
            let statuses = all.matches(of: /HTTP\/1\.1 (\d{3})/).map { String($0.1) }
            #expect(statuses == ["200", "200", "404", "200"])
            #expect(all.hasSuffix("4"))
        }
    }

    @Test("a chunked request and a chunked response pass with their trailers, however they are cut")
    func chunked() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            let body = "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nA-Trailer: x\r\n\r\n"
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            let peer = try await backend.accept()
            #expect(try await peer.receive(until: "\r\n\r\n").contains("Transfer-Encoding: chunked\r\n"))
            for byte in body.utf8 { try await client.send([byte]) }
            #expect(try await peer.receive(until: "A-Trailer: x\r\n\r\n") == body)
            let response = "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
            for byte in response.utf8 { try await peer.send([byte]) }
            #expect(try await client.receive(until: "A-Trailer: x\r\n\r\n") == response)
        }
    }

    @Test("chunk extensions are taken out on their way, in both directions, however they are cut", arguments: [1, 7, 1000])
    func chunkExtensions(piece: Int) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            let sent = Array("3;a=b\r\nabc\r\nA ;c=\"d e\"\r\n0123456789\r\n0;last\r\nA-Trailer: x\r\n\r\n".utf8)
            let body = "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nA-Trailer: x\r\n\r\n"
            let pieces = stride(from: 0, to: sent.count, by: piece).map { Array(sent[$0..<min($0 + piece, sent.count)]) }
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            for piece in pieces { try await client.send(piece) }
            #expect(try await peer.receive(until: "A-Trailer: x\r\n\r\n") == body)
            let head = "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
            if piece == 1000 {
                try await peer.send(Array(head.utf8) + sent)
            } else {
                try await peer.send(head)
                for piece in pieces { try await peer.send(piece) }
            }
            #expect(try await client.receive(until: "A-Trailer: x\r\n\r\n") == head + body)
            // Nothing of it is left over, on either side.
            try await client.send(Self.get)
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("GET / "))
            try await peer.send(Self.ok)
            #expect(try await client.receiveMessage() == Self.ok)
        }
    }

    @Test("an HTTP/1.0 client gets the content without chunks, and the end of the connection as its end")
    func http10() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            _ = backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            let response = try await proxy.exchange("GET / HTTP/1.0\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(response == "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nabcde")
        }
    }

    @Test("a response without a length ends with its connection")
    func untilClose() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.0 200 OK\r\nDate: now\r\n\r\nsome").value
            try await peer.send(" more")
            peer.close()
            #expect(try await client.receiveToEnd() == "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nsome more")
        }
    }

    @Test(
        "responses without a body end with their head",
        arguments: [
            ("HEAD", "200 OK", "Content-Length: 5\r\n"), ("GET", "204 No Content", ""), ("GET", "304 Not Modified", "Content-Length: 5\r\n"),
        ])
    func bodiless(method: String, status: String, length: String) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve("HTTP/1.1 \(status)\r\nDate: now\r\nContent-Length: 5\r\n\r\n")
            let client = try proxy.connect()
            for _ in 0..<3 {
                try await client.send("\(method) / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 \(status)\r\nDate: now\r\n\(length)\r\n")
            }
            client.close()
            serving.cancel()  // its connection is kept for others, and ends with the proxy
        }
    }

    @Test("a client that waits to be told to go on is told by its backend")
    func expectContinue() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("PUT / HTTP/1.1\r\nHost: b-1.plane.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            let peer = try await backend.accept()
            #expect(try await peer.receive(until: "\r\n\r\n").contains("Expect: 100-continue\r\n"))
            try await peer.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("body")
            _ = try await peer.receive(until: "body")
            try await peer.send(Self.ok)
            #expect(try await client.receiveMessage() == Self.ok)
        }
    }

    @Test("a response may come before the request has been sent; then both connections end")
    func earlyResponse() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("PUT / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 400000\r\n\r\n")
            _ = try await backend.answerOnce("HTTP/1.1 413 Too Large\r\nDate: now\r\nContent-Length: 3\r\n\r\nno\n").value
            let response = try await client.receiveToEnd()
            #expect(response == "HTTP/1.1 413 Too Large\r\nDate: now\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        }
    }

    @Test("a request for another backend on the same connection goes to that one")
    func twoBackends() async throws {
        try await withProxy { proxy in
            let one = try proxy.backend("b-1")
            let two = try proxy.backend("b-2")
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await one.answerOnce(Self.ok).value
            #expect(try await client.receiveMessage() == Self.ok)
            try await client.send("GET / HTTP/1.1\r\nHost: b-2.plane.test\r\n\r\n")
            _ = try await two.answerOnce(Self.ok).value
            #expect(try await client.receiveMessage() == Self.ok)
        }
    }

    @Test("a response that lacks a Date gets one")
    func date() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            _ = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            let client = try proxy.connect()
            try await client.send(Self.get)
            #expect(try await client.receiveMessage().contains("\r\nDate: "))
        }
    }

    @Test("an empty line before a request is skipped, a second one is not")
    func emptyLine() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            _ = backend.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("\r\n\(Self.get)")
            #expect(try await client.receiveMessage() == Self.ok)
            #expect(try await proxy.exchange("\r\n\r\n\(Self.get)").hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("P21: passthrough gets what no backend is for, and nothing that one is for")
    func passthrough() async throws {
        let other = try TestBackend()
        let address = try other.socketAddress()
        try await withProxy({ $0.passthrough = address }) { proxy in
            _ = other.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try proxy.backend("closed", token: "s3cret")
            try await client.send("GET / HTTP/1.1\r\nHost: closed.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 401 "))
        }
    }

    @Test("P21: passthrough gets nothing while it is not known whether there is a backend")
    func passthroughUnknown() async throws {
        let other = try TestBackend()
        let address = try other.socketAddress()
        try await withProxy({ $0.passthrough = address }) { proxy in
            proxy.routes.makeUnreadable(true)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
        }
    }

    @Test("an answer of the directory that comes too late for one request does not lead the next one astray")
    func lateAnswer() async throws {
        try await withProxy({ $0.limits.connect = .milliseconds(100) }) { proxy in
            let late = try proxy.backend("b-1").serve("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nwrong")
            let other = try proxy.backend("b-2")
            proxy.routes.block(true)
            let client = try proxy.connect()
            let request = "GET / HTTP/1.1\r\nHost: b-2.plane.test\r\n\r\n"
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            // Not sent ahead: on a busy machine both could time out, and their answers come as one piece.
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 504 "))
            let serving = other.serve("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nother")
            proxy.routes.block(false)
            // Its own answer, or, if that takes too long as well, 504; the same request may then be sent again.
            try await eventually("the request is answered by its own backend") {
                try await client.send(request)
                let answer = try await client.receiveMessage()
                #expect(answer.hasSuffix("other") || answer.hasPrefix("HTTP/1.1 504 "))
                return answer.hasSuffix("other")
            }
            for task in [late, serving] { task.cancel() }
        }
    }
}
