import EpollTransport
import Glibc
import NIOCore
import PlanBPolicy
import PlaneTestSupport
import ProxyCore
import RedisClient
import Testing

@Suite("What a failing backend costs, and whom")
struct FailureTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"

    /// What becomes of one request to a backend that does this.
    private static func outcome(
        limits change: @escaping (inout ProxyLimits) -> Void = { _ in }, scheme: String = "http", request: String = get,
        _ backend: @escaping @Sendable (TestPeer) async throws -> Void
    ) async throws -> (answer: String, dead: [String]) {
        let bad = try TestBackend()
        var result: (String, [String]) = ("", [])
        try await withPlanB(configure: { _, limits in change(&limits) }) { planb in
            try await planb.frontend("a.test", "\(scheme)://127.0.0.1:\(bad.port)")
            let serving = Task { try await backend(try await bad.accept()) }
            let answer = try await planb.exchange(request)
            try await serving.value
            // The mark is written behind the answer; one that is not written does not come either when another is waited for.
            try await planb.frontend("b.test", try TestBackend.refusing().entry)
            _ = try await planb.get("b.test")
            try await eventually("a later mark is written") { try await planb.redis.command("SMEMBERS", "dead:b.test") == ["0"] }
            result = (answer, try await planb.redis.command("SMEMBERS", "dead:a.test").filter { !$0.isEmpty })
        }
        return result
    }

    private static func isEmpty503(_ answer: String) -> Bool {
        answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n") && answer.contains("\r\nContent-Length: 0\r\n") && answer.hasSuffix("\r\n\r\n")
    }

    @Test("a refused connection is marked, with the message for those who check, and the mark lasts")
    func refused() async throws {
        let (dead, other) = (try TestBackend.refusing(), try TestBackend.refusing())
        try await withPlanB(configure: { options, _ in options.deadSeconds = 200 }) { planb in
            try await planb.frontend("a.test", dead.entry, other.entry)
            let listener = try TestProcess("/usr/bin/env", ["redis-cli", "-p", "\(planb.redis.port)", "SUBSCRIBE", "dead"])
            try await listener.line(containing: "subscribe")
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            try await listener.line(containing: "a.test;\(dead.entry);0;2")
            #expect(try await planb.redis.command("SMEMBERS", "dead:a.test") == ["0"])
            let life = Int(try await planb.redis.command("TTL", "dead:a.test").first ?? "") ?? 0
            #expect((140...200).contains(life))
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            // A mark does not delay the answer.
            try await eventually("both are marked") { try await planb.redis.command("SMEMBERS", "dead:a.test").count == 2 }
            #expect(try await planb.get("a.test").hasSuffix("all backends are dead"))
            await listener.stop(.kill)
        }
    }

    @Test("a name that nobody has is marked; one for which no resolver has an answer at the moment is not", arguments: [EAI_NONAME, EAI_AGAIN, EAI_FAIL])
    func unresolvable(code: CInt) async throws {
        let isTemporary = code != EAI_NONAME
        let resolver = NameResolver { name, _ in .failure(NameResolver.Failure(of: name, code: code)) }
        try await withPlanB(resolver: resolver) { planb in
            try await planb.frontend("a.test", "http://nobody.invalid:80")
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            // A mark would have been written before this later one.
            try await planb.frontend("b.test", try TestBackend.refusing().entry)
            _ = try await planb.get("b.test")
            try await eventually("a later mark is written") { try await planb.redis.command("SMEMBERS", "dead:b.test") == ["0"] }
            #expect(try await planb.redis.command("SMEMBERS", "dead:a.test").filter { !$0.isEmpty } == (isTemporary ? [] : ["0"]))
        }
    }

    @Test("a connection that is reset before the response is marked; one that is reset in the middle of an upload is not")
    func reset() async throws {
        let whole = try await Self.outcome { peer in
            _ = try await peer.receive(until: "\r\n\r\n")
            peer.reset()
        }
        #expect(Self.isEmpty503(whole.answer) && whole.dead == ["0"])
        let upload = try await Self.outcome(
            request: "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n\(String(repeating: "x", count: 1000))"
        ) { peer in
            _ = try await peer.receive(until: "xxx")
            peer.reset()
        }
        #expect(Self.isEmpty503(upload.answer) && upload.dead.isEmpty)
    }

    @Test("a connection, or a handshake of TLS, that takes too long is marked")
    func slowConnecting() async throws {
        let handshake = try await Self.outcome(limits: { $0.connect = .milliseconds(300) }, scheme: "https") { peer in
            _ = try await peer.receiveToEnd()
        }
        #expect(Self.isEmpty503(handshake.answer) && handshake.dead == ["0"])
        let full = try FullBackend()
        try await withPlanB(configure: { $1.connect = .milliseconds(300) }) { planb in
            try await planb.frontend("a.test", "127.0.0.1:\(full.port)")
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            try await eventually("it is marked") { try await planb.redis.command("SMEMBERS", "dead:a.test") == ["0"] }
            #expect(try await planb.errorLines(1)[0].contains("dial timeout after 10s: "))
        }
    }

    /// Listens, and accepts nothing: what wants to connect finds the queue full, and no answer.
    private final class FullBackend {
        let port: UInt16
        private let listener: CInt
        private var waiting: [CInt] = []

        init() throws {
            self.port = try freeLoopbackPort()
            self.listener = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = self.port.bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let listener = self.listener
            let isListening = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
            }
            try #require(isListening && listen(listener, 0) == 0)
            for _ in 0..<4 {
                let client = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
                withUnsafePointer(to: &address) { pointer in
                    _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
                }
                self.waiting.append(client)
            }
        }

        deinit { for descriptor in self.waiting + [self.listener] { close(descriptor) } }
    }

    @Test("a visitor who goes away, with a request or in the middle of one, marks nothing")
    func visitorsGone() async throws {
        let bad = try TestBackend()
        try await withPlanB { planb in
            try await planb.frontend("a.test", bad.entry)
            let (waiting, uploading) = (try planb.connect(), try planb.connect())
            try await waiting.send(Self.get)
            let first = try await bad.accept()
            _ = try await first.receive(until: "\r\n\r\n")
            waiting.close()
            _ = try await first.receiveToEnd()
            try await uploading.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\nxxx")
            let second = try await bad.accept()
            _ = try await second.receive(until: "xxx")
            uploading.reset()
            _ = try? await second.receiveToEnd()
            // A mark would have been written before this later one.
            try await planb.frontend("b.test", try TestBackend.refusing().entry)
            _ = try await planb.get("b.test")
            try await eventually("a later mark is written") { try await planb.redis.command("SMEMBERS", "dead:b.test") == ["0"] }
            #expect(try await planb.redis.command("EXISTS", "dead:a.test") == ["0"])
        }
    }

    @Test("an end without a word, nonsense, silence and a server error are not marked")
    func unmarked() async throws {
        let ended = try await Self.outcome { peer in
            _ = try await peer.receive(until: "\r\n\r\n")
            peer.close()
        }
        #expect(Self.isEmpty503(ended.answer) && ended.dead.isEmpty)
        let nonsense = try await Self.outcome { peer in
            _ = try await peer.receive(until: "\r\n\r\n")
            try await peer.send("SSH-2.0-x\r\n\r\n")
        }
        #expect(Self.isEmpty503(nonsense.answer) && nonsense.dead.isEmpty)
        let silent = try await Self.outcome(limits: { $0.response = .milliseconds(200) }) { peer in
            _ = try await peer.receiveToEnd()
        }
        #expect(Self.isEmpty503(silent.answer) && silent.dead.isEmpty)
        let failing = try await Self.outcome { peer in
            _ = try await peer.receive(until: "\r\n\r\n")
            try await peer.send("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno")
        }
        #expect(failing.answer.hasPrefix("HTTP/1.1 500 Oops\r\n") && failing.dead.isEmpty)
    }

    @Test("what this process has marked is left out at once, also by the cache and while Redis cannot be written")
    func ownMarks() async throws {
        let (dead, backends) = (try TestBackend.refusing(), try NumberedBackends(1))
        try await withPlanB(configure: { options, _ in
            options.cachesFrontends = true
            options.writing = RedisServer(.tcp(host: "127.0.0.1", port: 1))
        }) { planb in
            try await planb.frontend("a.test", dead.entry, backends.entry(0))
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            for _ in 0..<5 { #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0")) }
        }
    }

    @Test("a mark that somebody has taken away is gone here too")
    func liftedMark() async throws {
        let port = try freeLoopbackPort()
        try await withPlanB { planb in
            try await planb.frontend("a.test", "127.0.0.1:\(port)")
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            try await eventually("it is marked") { try await planb.redis.command("SMEMBERS", "dead:a.test") == ["0"] }
            try await planb.redis.command("DEL", "dead:a.test")
            try await eventually("it is tried again") { Self.isEmpty503(try await planb.get("a.test")) }
        }
    }

    @Test("with retries another backend gets what may be sent again, and nothing else")
    func retries() async throws {
        let (dead, closing, backends) = (try TestBackend.refusing(), try TestBackend(), try NumberedBackends(1))
        try await withPlanB(configure: { options, _ in options.retries = 2 }) { planb in
            // Nothing was sent: whatever it is.
            try await planb.frontend("a.test", dead.entry, backends.entry(0))
            let post = "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            #expect(try await planb.exchange(post).hasSuffix("\r\n\r\n0"))
            // It was sent, and may be sent twice.
            try await planb.frontend("b.test", closing.entry, backends.entry(0))
            let closer = Task {
                while true {
                    let peer = try await closing.accept()
                    _ = try await peer.receive(until: "\r\n\r\n")
                    peer.close()
                }
            }
            defer { closer.cancel() }
            #expect(try await planb.get("b.test").hasSuffix("\r\n\r\n0"))
            #expect(try await planb.get("b.test").hasSuffix("\r\n\r\n0"))
            let other = "POST / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            #expect(Self.isEmpty503(try await planb.exchange(other)))
            // Each has one line.
            let lines = try await planb.lines(4)
            #expect(lines.count == 4 && lines.count { $0.contains(" 200 1 ") } == 3)
        }
    }

    @Test("a WebSocket whose backend cannot be reached is marked, told and counted as any other request")
    func webSocketDial() async throws {
        let dead = try TestBackend.refusing()
        try await withPlanB { planb in
            try await planb.frontend("a.test", dead.entry)
            let answer = try await planb.exchange("GET /ws HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 502 "))
            try await eventually("it is marked") { try await planb.redis.command("SMEMBERS", "dead:a.test") == ["0"] }
            let line = try await planb.errorLines(1)[0]
            #expect(line.hasPrefix("ERROR in a.test -> \(dead.entry) - /ws - ") && line.hasSuffix(" *DEAD*"))
            #expect(try await planb.lines(1)[0].contains("\"GET /ws HTTP/1.1\" 502 1 "))
        }
    }

    @Test("nobody waits for a mark to be written")
    func slowWriting() async throws {
        let (silent, dead) = (try TestBackend(), try TestBackend.refusing())
        try await withPlanB(configure: { options, _ in
            options.writing = RedisServer(.tcp(host: "127.0.0.1", port: Int(silent.port)))
            // Whoever waited would wait for longer than this test may.
            (options.redisLimits.connect, options.redisLimits.answer) = (.seconds(3600), .seconds(3600))
        }) { planb in
            try await planb.frontend("a.test", dead.entry)
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            let writer = try await silent.accept()
            // Its greeting, which is not answered.
            _ = try await writer.receive(until: "\r\n")
            #expect(try await planb.get("a.test").hasSuffix("all backends are dead"))
        }
    }

    @Test(
        "as Hipache a 500, or a 503 that says when to come again, marks nobody", arguments: ["500 Oops\r\n", "503 Later\r\nRetry-After: 5\r\n", "600 What\r\n"])
    func spared(status: String) async throws {
        let failing = try TestBackend()
        try await withPlanB(configure: { options, _ in options.marksServerErrors = true }) { planb in
            let serving = failing.answerOnce("HTTP/1.1 \(status)Content-Length: 0\r\n\r\n")
            try await planb.frontend("a.test", failing.entry)
            _ = try await planb.get("a.test")
            _ = try await serving.value
            // A mark would have been written before this later one.
            try await planb.frontend("b.test", try TestBackend.refusing().entry)
            _ = try await planb.get("b.test")
            try await eventually("a later mark is written") { try await planb.redis.command("SMEMBERS", "dead:b.test") == ["0"] }
            #expect(try await planb.redis.command("EXISTS", "dead:a.test") == ["0"])
        }
    }

    /// A backend that reads the beginning of each request, which it records, and closes the connection.
    private static func closing(_ backend: TestBackend, _ taken: Recorder<String>) -> Task<Void, any Error> {
        Task {
            while true {
                let peer = try await backend.accept()
                taken.record(String(decoding: try await peer.receive(count: 1), as: UTF8.self))
                peer.close()
            }
        }
    }

    @Test("a request goes to no backend twice, however many tries are left")
    func triedOnce() async throws {
        let (closing, dead, taken) = (try TestBackend(), try TestBackend.refusing(), Recorder<String>())
        let closer = Self.closing(closing, taken)
        defer { closer.cancel() }
        try await withPlanB(configure: { options, _ in options.retries = 6 }) { planb in
            // The one that closes is not marked, and is there twice.
            try await planb.frontend("a.test", closing.entry, dead.entry, closing.entry)
            #expect(Self.isEmpty503(try await planb.get("a.test")))
            #expect(taken.all.count == 1)
        }
    }

    @Test(
        "every idempotent method may be sent again, as long as nothing of a body was sent",
        arguments: ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "get"])
    func idempotence(method: String) async throws {
        let (closing, backends, taken) = (try TestBackend(), try NumberedBackends(1), Recorder<String>())
        let closer = Self.closing(closing, taken)
        defer { closer.cancel() }
        let mayRepeat = !["POST", "PATCH", "get"].contains(method)
        func isAnswered(_ answer: String) -> Bool { answer.hasPrefix("HTTP/1.1 200 OK\r\n") }
        try await withPlanB(configure: { options, _ in options.retries = 1 }) { planb in
            for (host, length, sent) in [("none.test", "", ""), ("empty.test", "Content-Length: 0\r\n", ""), ("begun.test", "Content-Length: 5\r\n", "12")] {
                try await planb.frontend(host, closing.entry, backends.entry(0))
                let answer = try await planb.exchange("\(method) / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(length)\r\n\(sent)")
                #expect(isAnswered(answer) == (mayRepeat && sent.isEmpty), "\(host)")
            }
            try await planb.frontend("later.test", closing.entry, backends.entry(0))
            let client = try planb.connect()
            try await client.send("\(method) / HTTP/1.1\r\nHost: later.test\r\nContent-Length: 5\r\n\r\n")
            let answer = try await client.receive(count: "HTTP/1.1 200 OK\r\n".utf8.count)
            #expect(isAnswered(String(decoding: answer, as: UTF8.self)) == mayRepeat)
            client.close()
        }
        #expect(taken.all.count == 4)
    }

    @Test("however long a backend was waited for, the next one is none that is marked")
    func marksOfThen() async throws {
        let (silent, dead, well) = (try TestBackend(), try TestBackend.refusing(), try TestBackend())
        try await withPlanB(configure: { options, limits in
            (options.retries, options.deadSeconds, limits.response) = (1, 1, .seconds(3))
        }) { planb in
            let serving = well.serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            defer { serving.cancel() }
            try await planb.frontend("a.test", silent.entry, dead.entry, well.entry)
            try await planb.redis.command("SADD", "dead:a.test", "1")
            #expect(try await planb.get("a.test").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("as Hipache a server error marks its backend, and a single one is never marked")
    func hipache() async throws {
        let failing = try TestBackend()
        try await withPlanB(configure: { options, _ in
            options.marksServerErrors = true
            options.sparesSingleBackends = true
        }) { planb in
            let serving = failing.serve("HTTP/1.1 502 Oops\r\nContent-Length: 0\r\n\r\n")
            defer { serving.cancel() }
            try await planb.frontend("a.test", failing.entry, "http://127.0.0.1:1")
            #expect(try await planb.get("a.test").hasPrefix("HTTP/1.1 502 Oops\r\n"))
            try await eventually("it is marked") { try await planb.redis.command("SMEMBERS", "dead:a.test") == ["0"] }
            try await planb.frontend("b.test", "http://127.0.0.1:1")
            for _ in 0..<2 { #expect(Self.isEmpty503(try await planb.get("b.test"))) }
        }
    }
}
