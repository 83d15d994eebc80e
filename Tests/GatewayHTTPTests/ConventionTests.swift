import GatewayHTTP
import Foundation
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
            let stream = try await gateway.ask("HEAD", "/pub/b/nobody/status-stream")
            #expect(stream.status == 404 && stream.body.isEmpty)
            #expect(try await gateway.ask("OPTIONS", "/pub/nothing").status == 404)
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

    @Test("a body or a head that never comes, or comes byte by byte, is given up within a minute")
    func neverComes() async throws {
        let head = "POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        try await GatewayFixture.run { gateway in
            // Silent ones, and slow ones.
            let (silentBody, silentHead) = (try await LoopbackConnection(port: gateway.port), try await LoopbackConnection(port: gateway.port))
            let (slowBody, slowHead) = (try await LoopbackConnection(port: gateway.port), try await LoopbackConnection(port: gateway.port))
            for connection in [silentBody, slowBody] { try await connection.send(head) }
            for connection in [silentHead, slowHead] { try await connection.send("GET /pub/health HTTP/1.1\r\nX: ") }
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for connection in [slowBody, slowHead] {
                    group.addTask {
                        // A byte each second, until the other side has closed.
                        var sent = start
                        try await eventually("a slow one is given up", within: .seconds(120)) {
                            guard ContinuousClock.now - sent >= .seconds(1) else { return false }
                            sent = .now
                            return (try? await connection.send(" ")) == nil
                        }
                    }
                }
                group.addTask {
                    let answer = String(decoding: try await silentBody.receiveToEnd(), as: UTF8.self)
                    #expect(answer.hasPrefix("HTTP/1.1 408"))
                }
                group.addTask {
                    let answer = try await silentHead.receiveToEnd()
                    #expect(answer.isEmpty)
                }
                try await group.waitForAll()
            }
            let slowAnswer = String(decoding: (try? await slowBody.receive { $0.count > 12 }) ?? Data(), as: UTF8.self)
            #expect(slowAnswer.hasPrefix("HTTP/1.1 408"))
            #expect(try await gateway.get("/pub/health").status == 200)
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

    @Test("no way of writing a path leads from what browsers may use to what they may not")
    func paths() async throws {
        try await GatewayFixture.run { gateway in
            for path in [
                "/pub/../ctrl/status", "//ctrl/status", "/pub/%2e%2e/ctrl/status", "/pub/..%2fctrl/status", "/ctrl/status/", "/CTRL/status", "/pub//health",
            ] {
                let peer = try TestPeer.connect(port: gateway.port)
                try await peer.send("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(try await peer.receiveToEnd().hasPrefix("HTTP/1.1 404"), "\(path)")
            }
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
                // Over a connection of its own where it is sent as it is, so that no client's idea of text changes it.
                let peer = try TestPeer.connect(port: gateway.port)
                let head =
                    "POST /ctrl/connect HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: \(bytes.count)\r\n\r\n"
                try await peer.send(Array(head.utf8) + bytes)
                let answer = try await peer.receiveToEnd()
                let status = Int(answer.dropFirst("HTTP/1.1 ".count).prefix(3))
                #expect([200, 400, 409, 422].contains(status), "\(String(decoding: bytes, as: UTF8.self).debugDescription): \(answer)")
            }
            let health = try await gateway.get("/pub/health")
            #expect(health.status == 200)
        }
    }

    @Test("heads of chance end their connection or are answered with a status of the interface, and end no process", arguments: 0..<4)
    func chanceHeads(seed: Int) async throws {
        let heads = [
            "GET /pub/b/x/status?a=%41&b HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ready\r\n\r\n",
            "POST /ctrl/connect?wait=ready&wait_secs=1 HTTP/1.1\r\nHost: a:80\r\nContent-Type: application/json\r\nIdempotency-Key: a\r\nContent-Length: 2\r\n\r\n{}",
            "GET /?q=%F0%9F%98%80&ended=true HTTP/1.1\r\nHost: [::1]:1\r\nCookie: a=b; plane_gateway=c\r\nAuthorization: Bearer d\r\n\r\n",
            "POST /page/login HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nSec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ntoken=a\r\n0\r\n\r\n",
        ]
        try await GatewayFixture.run { gateway in
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<150 {
                var bytes = Array(heads[seed].utf8)
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let place = Int.random(in: bytes.indices, using: &generator)
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(contentsOf: bytes[place...].prefix(Int.random(in: 1...40, using: &generator)), at: place)
                    }
                }
                let peer = try TestPeer.connect(port: gateway.port)
                try await peer.send(bytes)
                peer.closeOutput()
                let answer = (try? await peer.receiveToEnd()) ?? ""
                let status = answer.isEmpty ? nil : Int(answer.dropFirst("HTTP/1.1 ".count).prefix(3))
                let expected = [nil, 200, 303, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 422, 431, 500, 505]
                #expect(expected.contains(status), "\(String(decoding: bytes, as: UTF8.self).debugDescription): \(answer)")
            }
            #expect(try await gateway.get("/pub/health").status == 200)
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
