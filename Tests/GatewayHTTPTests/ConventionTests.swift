import GatewayHTTP
import Foundation
import GatewayCore
import JSONValues
import NIOHTTP1
import PlaneProtocol
import PlaneTestSupport
import Testing

/// Sections 1 and 2 of the interface: paths, methods, bodies, errors, browsers of other sites.
@Suite struct ConventionTests {
    @Test("unknown paths are 404 and other methods 405, both empty; HEAD is answered wherever GET is")
    func routes() async throws {
        try await GatewayFixture.run { gateway in
            let unknown = try await gateway.get("/ctrl/nothing")
            #expect(unknown.status == 404 && unknown.body.isEmpty)
            let method = try await gateway.get("/ctrl/connect")
            #expect(method.status == 405 && method.headers.first(name: "allow") == "POST" && method.body.isEmpty)
            #expect(try await gateway.ask("OPTIONS", "/ctrl/connect").status == 405)
            let head = try await gateway.ask("HEAD", "/pub/health")
            #expect(head.status == 200 && head.body.isEmpty && head.headers.first(name: "content-length") == "15")
            #expect(try await gateway.get("/ctrl/c/plane.test/drone-socket?pool=x").status == 501)
            #expect(try await gateway.get("/ctrl/status")["status"] == .string("ok"))
        }
    }

    @Test("below /pub every site may read, also errors, and may ask first; below /ctrl none")
    func crossOrigin() async throws {
        try await GatewayFixture.run { gateway in
            for path in ["/pub/health", "/pub/b/nobody/status", "/pub/nothing"] {
                let answer = try await gateway.get(path, headers: [("Origin", "https://app.example")])
                #expect(answer.headers.first(name: "access-control-allow-origin") == "*")
                #expect(answer.headers.contains(name: "vary"))
            }
            let preflight = try await gateway.ask("OPTIONS", "/pub/b/x/status")
            #expect(preflight.status == 200 && preflight.body.isEmpty)
            #expect(preflight.headers.first(name: "access-control-allow-methods") == "GET,POST")
            #expect(preflight.headers.first(name: "access-control-allow-headers") == "content-type")
            let control = try await gateway.get("/ctrl/status")
            #expect(!control.headers.contains(name: "access-control-allow-origin"))
        }
    }

    @Test(
        "a body has to say that it is JSON",
        arguments: [
            ("application/json", 409), ("application/json; charset=utf-8", 409), ("Application/JSON", 409), ("application/vnd.x+json", 409),
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415), ("application/+json", 415), (nil, 415),
        ] as [(String?, Int)])
    func contentType(type: String?, status: Int) async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect", "{}", type: type)
            #expect(answer.status == status)
            if status == 415 { #expect(answer.headers.first(name: "content-type")?.hasPrefix("text/plain") == true) }
        }
    }

    @Test("broken JSON is 400, JSON of another shape 422, both as text that says where")
    func shapes() async throws {
        try await GatewayFixture.run { gateway in
            let broken = try await gateway.connect("{")
            #expect(broken.status == 400 && broken.json == nil)
            let shape = try await gateway.connect(#"{"key":{"name":"a","tag":null}}"#)
            #expect(shape.status == 422 && shape.body.contains("key.tag"))
        }
    }

    @Test("a body over 2 MiB is 413, whether its length is told or not")
    func tooLong() async throws {
        try await GatewayFixture.run { gateway in
            let told = try await LoopbackConnection(port: gateway.port)
            try await told.send("POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2097153\r\n\r\n")
            let toldAnswer = try await told.receive { $0.count > 12 }
            #expect(String(decoding: toldAnswer, as: UTF8.self).hasPrefix("HTTP/1.1 413"))
            let untold = try await LoopbackConnection(port: gateway.port)
            try await untold.send("POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = String(repeating: " ", count: 0x10000)
            for _ in 0..<33 { try await untold.send("10000\r\n\(chunk)\r\n") }
            let untoldAnswer = try await untold.receive { $0.count > 12 }
            #expect(String(decoding: untoldAnswer, as: UTF8.self).hasPrefix("HTTP/1.1 413"))
            #expect(try await gateway.get("/pub/health").status == 200)
        }
    }

    @Test("a body that never comes is given up within a minute, and so is a head")
    func neverComes() async throws {
        try await GatewayFixture.run { gateway in
            let body = try await LoopbackConnection(port: gateway.port)
            try await body.send("POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
            let head = try await LoopbackConnection(port: gateway.port)
            try await head.send("GET /pub/health HT")
            async let bodyAnswer = body.receiveToEnd()
            async let headAnswer = head.receiveToEnd()
            let answer = try await bodyAnswer
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 408"))
            _ = try await headAnswer
        }
    }

    @Test("a head that is too long, or is none, ends its own connection and nothing else", arguments: [true, false])
    func badHead(isLong: Bool) async throws {
        try await GatewayFixture.run { gateway in
            let connection = try await LoopbackConnection(port: gateway.port)
            // The rest may find the connection closed.
            try? await connection.send(
                isLong ? "GET /pub/health HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 200_000))\r\n\r\n" : "\u{1}\u{2}\r\n\r\n")
            _ = try? await connection.receiveToEnd()
            #expect(try await gateway.get("/pub/health").status == 200)
        }
    }

    @Test("bodies of chance end no process and are answered with what they are", arguments: 0..<4)
    func chance(seed: Int) async throws {
        try await GatewayFixture.run { gateway in
            var generator = SystemRandomNumberGenerator()
            let seeds = [
                #"{"key":{"name":"a"},"spawn_config":{"executable":{"image":"app"}},"auth":{},"user":"u"}"#, "[]", "null", #"{"auth":{"a":[[[[1]]]]}}"#,
            ]
            for _ in 0..<100 {
                var bytes = Array(seeds[seed].utf8)
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                var answer: GatewayFailure?
                do throws(GatewayFailure) { _ = try ConnectRequest(body: bytes) } catch { answer = error }
                #expect(answer.map { [400, 422].contains($0.status) } ?? true)
            }
            let health = try await gateway.get("/pub/health")
            #expect(health.status == 200)
        }
    }

    @Test("the description of the interface is served where everybody finds it")
    func openAPI() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.get("/openapi.json")
            #expect(answer.status == 200 && answer["openapi"] == .string("3.1.0"))
        }
    }
}
