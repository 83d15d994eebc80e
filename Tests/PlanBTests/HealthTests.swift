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
        _ redis: RedisTestServer, holder: String = "here:1", deadSeconds: Int = 30, logger: Logger = Logger(label: "health-under-test"),
        _ body: () async throws -> Void
    ) async throws {
        let server = RedisServer(.tcp(host: "127.0.0.1", port: Int(redis.port)))
        var options = PlanBOptions(reading: server, writing: server)
        options.deadSeconds = deadSeconds
        let group = EpollEventLoopGroup(threads: 1)
        let checker = try await HealthChecker(options, on: group.loops[0], holder: holder, logger: logger)
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
