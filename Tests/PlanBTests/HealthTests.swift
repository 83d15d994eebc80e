import EpollTransport
import Logging
import NIOCore
import PlanBPolicy
import PlaneTestSupport
import RedisClient
import Testing

@Suite("Looking at backends that were marked dead")
struct HealthTests {
    private static func withChecker(
        _ redis: RedisTestServer, holder: String = "here:1", deadSeconds: Int = 30, slotCount: Int = 5, checkLimit: Duration = .seconds(15),
        logger: Logger = Logger(label: "health-under-test"),
        _ body: () async throws -> Void
    ) async throws {
        let server = RedisServer(.tcp(host: "127.0.0.1", port: Int(redis.port)))
        var options = PlanBOptions(reading: server, writing: server)
        options.deadSeconds = deadSeconds
        let group = EpollEventLoopGroup(threads: 1)
        let checker = try await HealthChecker(options, on: group.loops[0], holder: holder, logger: logger, slotCount: slotCount, checkLimit: checkLimit)
        let running = Task { try await checker.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        running.cancel()
        try await running.value
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func marks(_ redis: RedisTestServer, _ host: String) async throws -> [String] {
        try await redis.command("SMEMBERS", "dead:\(host)").filter { !$0.isEmpty }
    }

    @Test("a mark that a message tells of is lifted once the backend is well, at every place, and the lock is let go")
    func lifted() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        let entry = backends.entry(0)
        try await redis.command("RPUSH", "frontend:a.test", "id", entry, "http://127.0.0.1:1", entry)
        try await Self.withChecker(redis) {
            try await eventually("it listens") { try await redis.command("PUBSUB", "NUMSUB", "dead").last == "1" }
            try await redis.command("SADD", "dead:a.test", "0", "1", "2")
            try await redis.command("PUBLISH", "dead", "a.test;\(entry);0;3")
            try await eventually("it is lifted") { try await Self.marks(redis, "a.test") == ["1"] }
            try await eventually("the lock is let go") { try await redis.command("EXISTS", "dead:a.test:\(entry)") == ["0"] }
        }
    }

    @Test("marks of before are found without a message; one that is not well stays dead beyond its life")
    func search() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0), "http://127.0.0.1:1")
        try await redis.command("SADD", "dead:a.test", "0", "1")
        try await redis.command("EXPIRE", "dead:a.test", "45")
        try await Self.withChecker(redis, deadSeconds: 100) {
            try await eventually("the one is lifted, and the other prolonged") {
                let life = Int(try await redis.command("TTL", "dead:a.test").first ?? "") ?? 0
                return try await Self.marks(redis, "a.test") == ["1"] && life > 50
            }
            #expect(try await redis.command("GET", "dead:a.test:http://127.0.0.1:1") == ["here:1"])
        }
        // Whoever stops lets others look at once.
        try await eventually("the lock is let go") { try await redis.command("EXISTS", "dead:a.test:http://127.0.0.1:1") == ["0"] }
    }

    @Test("a Redis that permits no search is in the log, with its reason")
    func searchRefused() async throws {
        let redis = try await RedisTestServer.start()
        try await redis.command("ACL", "SETUSER", "default", "-scan")
        let log = LogRecorder()
        try await Self.withChecker(redis, logger: log.logger) {
            let entry = await log.entry("marks that no message tells of are not found: redis refuses SCAN")
            #expect(entry.level == .warning && "\(entry.metadata)".contains("NOPERM"))
        }
    }

    @Test("who has not the lock waits, and takes over when its holder is gone")
    func takingOver() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        try await redis.command("SADD", "dead:a.test", "0")
        let lock = "dead:a.test:\(backends.entry(0))"
        try await redis.command("SET", lock, "elsewhere", "EX", "5")
        try await Self.withChecker(redis) {
            try await eventually("it is lifted, but not before the lock has expired", within: .seconds(30)) {
                let isLifted = try await Self.marks(redis, "a.test").isEmpty
                if isLifted { #expect(try await redis.command("GET", lock) != ["elsewhere"]) }
                return isLifted
            }
        }
    }

    @Test("who waits takes over although the mark has ended before the lock of a holder that is gone, and marks the backend again")
    func takingOverLate() async throws {
        let redis = try await RedisTestServer.start()
        try await redis.command("RPUSH", "frontend:a.test", "id", "http://127.0.0.1:1")
        let lock = "dead:a.test:http://127.0.0.1:1"
        try await redis.command("SET", lock, "elsewhere")
        try await redis.command("SADD", "dead:a.test", "0")
        try await Self.withChecker(redis, deadSeconds: 4) {
            // It finds the lock taken while there is a mark and, two seconds later, when there is none.
            for _ in 0..<2 {
                let asked = try await Self.attempts(redis)
                try await eventually("it tries to take the lock", within: .seconds(60)) { try await Self.attempts(redis) > asked }
                try await redis.command("DEL", "dead:a.test")
            }
            try await redis.command("DEL", lock)
            try await eventually("it has taken over", within: .seconds(60)) { try await redis.command("GET", lock) == ["here:1"] }
            try await eventually("the backend is marked again") { try await Self.marks(redis, "a.test") == ["0"] }
        }
    }

    /// How many scripts Redis has run: each attempt at a lock is one.
    private static func attempts(_ redis: RedisTestServer) async throws -> Int {
        let line = try await redis.command("INFO", "commandstats").first { $0.hasPrefix("cmdstat_eval:calls=") }
        return line.flatMap { Int($0.dropFirst("cmdstat_eval:calls=".count).prefix { $0.isNumber }) } ?? 0
    }

    @Test("backends whose answers never end keep no other from being checked")
    func endlessAnswers() async throws {
        let redis = try await RedisTestServer.start()
        let endless = try (0..<6).map { _ in try TestBackend() }
        let well = try NumberedBackends(saying: ["all is well"])
        for (number, backend) in endless.enumerated() {
            try await redis.command("RPUSH", "frontend:\(number).test", "id", backend.entry)
            try await redis.command("HSET", "healthcheck:\(number).test", "body", "well")
            try await redis.command("SADD", "dead:\(number).test", "0")
        }
        let taken = Recorder<Int>()
        let serving = endless.enumerated().map { number, backend in Task { try await Self.drip(backend, pace: redis) { taken.record(number) } } }
        defer { for task in serving { task.cancel() } }
        try await Self.withChecker(redis, checkLimit: .seconds(2)) {
            try await eventually("all slots are taken by them") { Set(taken.all).count >= 5 }
            try await redis.command("RPUSH", "frontend:a.test", "id", well.entry(0))
            try await redis.command("HSET", "healthcheck:a.test", "body", "well")
            try await redis.command("SADD", "dead:a.test", "0")
            try await redis.command("PUBLISH", "dead", "a.test;\(well.entry(0));0;1")
            try await eventually("the one that is well is found to be") { try await Self.marks(redis, "a.test").isEmpty }
        }
    }

    /// Answers each request with a byte now and then, one for each answer of a Redis, until the connection is closed.
    private static func drip(_ backend: TestBackend, pace redis: RedisTestServer, _ taken: @escaping @Sendable () -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let peer = try await backend.accept()
                taken()
                group.addTask {
                    _ = try? await peer.receive(until: "\r\n\r\n")
                    try? await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                    while (try? await peer.send("x")) != nil, (try? await redis.command("PING")) != nil, !Task.isCancelled {}
                }
            }
        }
    }

    @Test("who waits for others to be checked holds no lock, so that another process may check meanwhile")
    func lockless() async throws {
        let redis = try await RedisTestServer.start()
        let (slow, other) = (try TestBackend(), try TestBackend())
        try await redis.command("RPUSH", "frontend:slow.test", "id", slow.entry)
        try await redis.command("RPUSH", "frontend:a.test", "id", other.entry)
        try await redis.command("SADD", "dead:slow.test", "0")
        try await Self.withChecker(redis, slotCount: 1, checkLimit: .seconds(600)) {
            let checked = try await slow.accept()
            try await redis.command("SADD", "dead:a.test", "0")
            try await redis.command("PUBLISH", "dead", "a.test;\(other.entry);0;1")
            // Longer than it waits before the first check.
            try await redis.command("SET", "a while", "", "PX", "2500")
            try await eventually("a while has passed") { try await redis.command("EXISTS", "a while") == ["0"] }
            let taken = try await redis.command("SET", "dead:a.test:\(other.entry)", "elsewhere", "NX", "EX", "60")
            #expect(taken == ["OK"])
            checked.close()
        }
    }

    @Test("the hash says which path is asked, and what is expected of the answer")
    func expectations() async throws {
        let redis = try await RedisTestServer.start()
        let backend = try TestBackend()
        try await redis.command("RPUSH", "frontend:a.test", "id", "127.0.0.1:\(backend.port)")
        try await redis.command("HSET", "healthcheck:a.test", "path", "//up", "status", "204")
        try await redis.command("SADD", "dead:a.test", "0")
        try await Self.withChecker(redis) {
            let wrong = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").value
            #expect(wrong.request.hasPrefix("GET /up HTTP/1.1\r\n"))
            _ = try await backend.answerOnce("HTTP/1.1 204 No Content\r\n\r\n").value
            try await eventually("it is lifted") { try await Self.marks(redis, "a.test").isEmpty }
        }
        #expect(HealthExpectation(body: Array("well".utf8)).isMet(status: 500, body: Array("all is well".utf8)))
        #expect(!HealthExpectation(body: Array("well".utf8)).isMet(status: 200, body: Array("ill".utf8)))
    }

    @Test("a message of another form is none", arguments: ["", "a;b;c", "a;b;c;d;e", ";b;0;1", "a;;0;1"])
    func messages(text: String) {
        #expect(HealthSubject(message: Array(text.utf8)) == nil)
    }
}
