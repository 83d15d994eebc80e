import NIOCore
import PlaneTestSupport
import RedisClient
import Testing

@testable import PlanBPolicy

@Suite("Which backend a request goes to")
struct RoutingTests {
    private static func body(_ answer: String) -> String { answer.split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? "" }

    @Test("requests go round in the list's order, beginning with the first, each host for itself")
    func round() async throws {
        let backends = try NumberedBackends(3)
        try await withPlanB { planb in
            try await planb.frontend("a.test", backends.entry(0), backends.entry(1), backends.entry(2))
            try await planb.frontend("b.test", backends.entry(0), backends.entry(1), backends.entry(2))
            for expected in ["0", "1", "2", "0", "1"] { #expect(Self.body(try await planb.get("a.test")) == expected) }
            #expect(Self.body(try await planb.get("b.test")) == "0")
            // A number of the dead set is left out, one beyond the list and a word are harmless.
            try await planb.redis.command("SADD", "dead:b.test", "1", "17", "word")
            for expected in ["2", "2", "0", "2"] { #expect(Self.body(try await planb.get("b.test")) == expected) }
        }
    }

    @Test("each backend has its turn, whoever asks, and however many ask at once")
    func fairness() async throws {
        let backends = try NumberedBackends(4)
        try await withPlanB(threads: 2) { planb in
            try await planb.frontend("a.test", backends.entry(0), backends.entry(1), backends.entry(2), backends.entry(3))
            let turns = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<80 { group.addTask { Self.body(try await planb.get("a.test")) } }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(turns == ["0": 20, "1": 20, "2": 20, "3": 20])
        }
    }

    @Test("as many counters are kept as there is room for, and those in use go on counting")
    func counters() {
        let counters = RoundRobinCounters(capacity: 10)
        let used = counters.counter(of: "used.test")
        for number in 0..<1000 {
            _ = counters.counter(of: "h\(number).test")
            if number.isMultiple(of: 5) { #expect(counters.counter(of: "used.test") === used) }
            #expect(counters.count <= 20)
        }
        let counter = RoundRobinCounter(next: .max)
        #expect([counter.take(), counter.take()] == [.max, 0])
    }

    @Test("the name with its port counts before the name alone, and no name is like another in capitals")
    func ports() async throws {
        let backends = try NumberedBackends(2)
        try await withPlanB { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test:8989")) == "0")
            try await planb.frontend("a.test:8989", backends.entry(1))
            #expect(Self.body(try await planb.get("a.test:8989")) == "1")
            #expect(Self.body(try await planb.get("a.test:80")) == "0")
            #expect(try await planb.get("A.test").hasPrefix("HTTP/1.1 400 "))
            try await planb.frontend("::1", backends.entry(1))
            #expect(Self.body(try await planb.get("[::1]:80")) == "1")
        }
    }

    @Test("without a route, without a live backend, and with a key of a wrong type the proxy answers by itself")
    func noBackend() async throws {
        try await withPlanB { planb in
            let missing = try await planb.get("nobody.test")
            #expect(missing.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && missing.hasSuffix("\r\n\r\nno such route"))
            #expect(missing.contains("Content-Type: text/plain; charset=utf-8\r\n") && missing.contains("Content-Length: 13\r\n"))
            #expect(!missing.contains("X-Request-Id"))
            // Only an identifier is no frontend, and an empty entry no backend.
            try await planb.redis.command("RPUSH", "frontend:empty.test", "id")
            #expect(try await planb.get("empty.test").hasSuffix("no such route"))
            try await planb.frontend("blank.test", "")
            #expect(try await planb.get("blank.test").hasSuffix("no such route"))
            try await planb.frontend("dead.test", "http://127.0.0.1:1")
            try await planb.redis.command("SADD", "dead:dead.test", "0")
            let dead = try await planb.get("dead.test")
            #expect(dead.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n") && dead.hasSuffix("\r\n\r\nall backends are dead"))
            try await planb.redis.command("SET", "frontend:text.test", "x")
            let wrong = try await planb.get("text.test")
            #expect(wrong.hasPrefix("HTTP/1.1 503 ") && wrong.hasSuffix("\r\n\r\n") && wrong.contains("Content-Length: 0\r\n"))
            #expect(!wrong.contains("Content-Type"))
            try await planb.redis.command("SET", "dead:nosuch.test", "x")
            #expect(try await planb.get("nosuch.test").hasSuffix("no such route"))
        }
    }

    @Test("to whoever wants a WebSocket each of these is a bad gateway")
    func webSocketRefusals() async throws {
        try await withPlanB { planb in
            let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            let answer = try await planb.exchange("GET / HTTP/1.1\r\nHost: nobody.test\r\n\(fields)Connection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n") && answer.hasSuffix("\r\n\r\n\n"))
            try await planb.frontend("refusing.test", try TestBackend.refusing().entry)
            let refused = try await planb.exchange("GET / HTTP/1.1\r\nHost: refusing.test\r\n\(fields)Connection: close\r\n\r\n")
            #expect(refused.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n") && refused.hasSuffix("\r\n\r\n\n"))
        }
    }

    @Test("patterns cover names as Hipache's do, where they are asked for")
    func wildcards() async throws {
        let backends = try NumberedBackends(3)
        try await withPlanB(configure: { options, _ in options.usesWildcards = true }) { planb in
            try await planb.frontend("*.example.test", backends.entry(0))
            try await planb.frontend("*.test", backends.entry(1))
            try await planb.frontend("www.example.test", backends.entry(2))
            #expect(Self.body(try await planb.get("WWW.example.test.")) == "2")
            #expect(Self.body(try await planb.get("x.example.test:8080")) == "0")
            #expect(Self.body(try await planb.get("x.y.example.test")) == "0")
            #expect(Self.body(try await planb.get("example.test")) == "1")
            #expect(try await planb.get("example.org").hasSuffix("no such route"))
            // The dead set is that of the name, not of the pattern.
            try await planb.redis.command("SADD", "dead:x.example.test", "0")
            #expect(try await planb.get("x.example.test").hasSuffix("all backends are dead"))
            #expect(Self.body(try await planb.get("y.example.test")) == "0")
            try await planb.frontend("*", backends.entry(2))
            #expect(Self.body(try await planb.get("example.org")) == "2")
        }
    }

    @Test("candidates of a name go from the whole of it to any, six labels at most")
    func candidates() {
        #expect(FrontendName.candidates("a.b.example.org") == ["a.b.example.org", "*.b.example.org", "*.example.org", "*.org", "*"])
        #expect(FrontendName.candidates("1.2.3.4.5.6.7.8") == ["1.2.3.4.5.6.7.8", "*.4.5.6.7.8", "*.5.6.7.8", "*.6.7.8", "*.7.8", "*.8", "*"])
        #expect(FrontendName.candidates("localhost") == ["localhost", "*"])
        #expect(FrontendName.withoutPort("[::1]:80") == "::1" && FrontendName.withoutPort("a:80") == "a" && FrontendName.withoutPort("a") == nil)
    }

    @Test(
        "entries are read in every form that PlanB takes, and anything else is none",
        arguments: [
            ("http://10.0.0.5:8080", "10.0.0.5", 8080, false), ("http://host", "host", 80, false), ("https://host", "host", 443, true),
            ("https://host:8443/path", "host", 8443, true), ("host:81", "host", 81, false), ("host", "host", 80, false), ("[::1]:82", "::1", 82, false),
            ("HTTP://user:word@host:83/x?y", "host", 83, false),
        ])
    func entries(text: String, host: String, port: Int, isHTTPS: Bool) {
        let address = BackendAddress(Array(text.utf8))
        #expect(address?.host == host && address?.port == port && address?.isHTTPS == isHTTPS)
    }

    @Test(
        "what names no host is no backend",
        arguments: ["", "ftp://host", "http://", "http://:80", "host:0", "host:70000", "ho st", "host:80a", "[::1", "h\r\nx: y", "\u{0}"])
    func noEntries(text: String) {
        #expect(BackendAddress(Array(text.utf8)) == nil)
    }

    @Test("whatever bytes lie in Redis, the proxy answers and goes on")
    func bytes() async throws {
        let backends = try NumberedBackends(1)
        try await withPlanB { planb in
            try await planb.redis.command(
                "EVAL", "redis.call('RPUSH', 'frontend:binary.test', 'id', '\\0\\255\\r\\nHost: x', string.rep('a', 100000)) return 1", "0")
            for _ in 0..<2 { #expect(try await planb.get("binary.test").hasPrefix("HTTP/1.1 503 ")) }
            // More than is read of one reply, in bytes and in elements.
            try await planb.redis.command("EVAL", "redis.call('RPUSH', 'frontend:large.test', 'id', string.rep('a', 3000000)) return 1", "0")
            #expect(try await planb.get("large.test").hasPrefix("HTTP/1.1 503 "))
            try await planb.redis.command(
                "EVAL",
                "for i = 1, 200 do local t = {} for j = 1, 1000 do t[j] = 'http://127.0.0.1:1' end redis.call('RPUSH', 'frontend:long.test', unpack(t)) end return 1",
                "0")
            try await planb.redis.command("EVAL", "for i = 0, 100000 do redis.call('SADD', 'dead:long.test', i) end return 1", "0")
            #expect(try await planb.get("long.test").hasPrefix("HTTP/1.1 503 "))
            try await planb.redis.command("HSET", "frontend:hash.test", "a", "b")
            #expect(try await planb.get("hash.test").hasPrefix("HTTP/1.1 503 "))
            try await planb.frontend("good.test", backends.entry(0))
            #expect(try await planb.get("good.test").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("answers mean what they say, whatever they are", arguments: [0, 1, 2])
    func questions(seed: Int) {
        // Every kind of value in every place of the answer to a name with a port.
        let question = FrontendQuestion("a.test:80", usesWildcards: false)
        #expect(question.pipeline.count == 4)
        let values: [RedisValue] = [
            .null, .integer(1), .error("x"), .oversized, .array([]), .array([.null]), .array([.bulk([255]), .bulk([0])]), .text([]), .push([]),
        ]
        for list in values {
            for marks in values {
                var replies: [RedisValue] = [.array([]), .array([]), .array([]), .array([])]
                replies[seed] = list
                replies[3] = marks
                if case .found(_, let entries, let dead) = question.read(replies) { #expect(entries == [[0]] && dead.isEmpty) }
            }
        }
        #expect(question.read([]) == .unusable("redis gave 0 answers"))
    }

    @Test("the ping asks Redis, and is told apart from every other request")
    func ping() async throws {
        let redis = try await RedisTestServer.start()
        try await withPlanB(redis: redis) { planb in
            let answer = try await planb.get("__ping__")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nOK"))
            #expect(try await planb.get("__ping__", "/x").hasSuffix("no such route"))
            #expect(try await planb.get("__ping__:80").hasSuffix("no such route"))
            await redis.stop()
            try await eventually("the ping fails") { try await planb.get("__ping__").hasPrefix("HTTP/1.1 500 Internal Server Error\r\n") }
            let lines = try await planb.lines(2)
            #expect(lines.count == 2 && lines.allSatisfy { $0.contains(" 400 13 ") })
        }
    }
}
