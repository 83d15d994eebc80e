import NIOCore
import PlaneTestSupport
import RedisClient
import Testing

@testable import PlanBPolicy

@Suite("What is believed without asking Redis, and for how long")
struct CacheTests {
    private static func body(_ answer: String) -> String { answer.split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? "" }

    private static func withCache(
        _ redis: RedisTestServer? = nil, usesWildcards: Bool = false, _ body: (PlanBUnderTest) async throws -> Void
    ) async throws {
        try await withPlanB(
            redis: redis,
            configure: { options, _ in
                options.cachesFrontends = true
                options.usesWildcards = usesWildcards
            }
        ) { planb in
            // The first name is asked for before it is known whether Redis tells of changes.
            _ = try await planb.get("first.test")
            try await body(planb)
        }
    }

    private static func isTold(_ planb: PlanBUnderTest) async -> Bool { await planb.source.describe().contains("changes are told") }

    /// How many lists Redis was asked for.
    private static func readCount(_ redis: RedisTestServer) async throws -> Int {
        let line = try await redis.command("INFO", "commandstats").first { $0.hasPrefix("cmdstat_lrange:calls=") }
        return line.flatMap { Int($0.dropFirst("cmdstat_lrange:calls=".count).prefix { $0.isNumber }) } ?? 0
    }

    /// Puts another backend in the place of a frontend's, and waits until requests go there, again and again until they do so within a second: sooner
    /// than without being told.
    private static func expectPromptness(_ planb: PlanBUnderTest, _ key: String, asking hosts: [String], _ backends: NumberedBackends) async throws {
        var number = 0
        try await eventually("a change of \(key) counts within a second") {
            let began = ContinuousClock.now
            number = 1 - number
            try await planb.redis.command(
                "EVAL", "redis.call('DEL', KEYS[1]) return redis.call('RPUSH', KEYS[1], 'id', ARGV[1])", "1", "frontend:\(key)", backends.entry(number))
            for host in hosts {
                try await eventually("requests for \(host) go to the other backend") { Self.body(try await planb.get(host)) == "\(number)" }
            }
            return ContinuousClock.now - began < .seconds(1)
        }
    }

    @Test("where Redis tells of changes, a host is read once, and a change of its list counts at once")
    func told() async throws {
        let backends = try NumberedBackends(2)
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            // On a machine that is too busy Redis may not be heard of for two seconds.
            try await eventually("twenty requests ask nothing") {
                let before = try await Self.readCount(planb.redis)
                for _ in 0..<20 { #expect(Self.body(try await planb.get("a.test")) == "0") }
                return try await Self.readCount(planb.redis) == before
            }
            try await eventually("Redis tells of changes") { await Self.isTold(planb) }
            try await Self.expectPromptness(planb, "a.test", asking: ["a.test"], backends)
            try await planb.redis.command("FLUSHALL")
            try await eventually("a host that was deleted has no route") { Self.body(try await planb.get("a.test")) == "no such route" }
        }
    }

    @Test("a change of a pattern counts for all names that it covers, and one of a name for the name with a port")
    func patterns() async throws {
        let backends = try NumberedBackends(2)
        try await Self.withCache(usesWildcards: true) { planb in
            try await planb.frontend("*.example.test", backends.entry(0))
            for name in ["x.example.test", "y.example.test"] { #expect(Self.body(try await planb.get(name)) == "0") }
            try await Self.expectPromptness(planb, "*.example.test", asking: ["x.example.test", "y.example.test"], backends)
            // A name of its own counts before the pattern from the moment it is there.
            let number = Self.body(try await planb.get("x.example.test"))
            try await planb.frontend("x.example.test", backends.entry(number == "0" ? 1 : 0))
            try await eventually("its own list counts") { Self.body(try await planb.get("x.example.test")) != number }
            #expect(Self.body(try await planb.get("y.example.test")) == number)
        }
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test:80")) == "0")
            try await Self.expectPromptness(planb, "a.test", asking: ["a.test:80"], backends)
        }
    }

    @Test("a mark counts at once, and no longer than it lasts, of which nobody tells in time")
    func marks() async throws {
        let backends = try NumberedBackends(1)
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            try await planb.redis.command("SADD", "dead:a.test", "0")
            try await eventually("it is out of service") { Self.body(try await planb.get("a.test")) == "all backends are dead" }
            try await planb.redis.command("PEXPIRE", "dead:a.test", "500")
            try await eventually("it is in service again") { Self.body(try await planb.get("a.test")) == "0" }
        }
    }

    @Test("where Redis does not tell of changes, a frontend is believed for a while")
    func untold() async throws {
        let backends = try NumberedBackends(2)
        let redis = try await RedisTestServer.start()
        try await redis.command("ACL", "SETUSER", "default", "-client|tracking")
        try await Self.withCache(redis) { planb in
            #expect(await !Self.isTold(planb))
            var number = 0
            try await planb.frontend("a.test", backends.entry(number))
            // On a machine that is too busy the while may be over by then.
            try await eventually("a request goes where the list no longer leads") {
                _ = try await planb.get("a.test")
                number = 1 - number
                try await planb.frontend("a.test", backends.entry(number))
                return Self.body(try await planb.get("a.test")) == "\(1 - number)"
            }
            try await eventually("the change is seen") { Self.body(try await planb.get("a.test")) == "\(number)" }
        }
    }

    @Test("a connection that breaks costs nobody an answer, and changes count from then on too")
    func broken() async throws {
        let backends = try NumberedBackends(2)
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            try await planb.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await planb.frontend("a.test", backends.entry(1))
            try await eventually("the change is seen") {
                let body = Self.body(try await planb.get("a.test"))
                #expect(body == "0" || body == "1")
                return body == "1"
            }
            try await eventually("Redis tells of changes") { await Self.isTold(planb) }
            try await Self.expectPromptness(planb, "a.test", asking: ["a.test"], backends)
        }
    }

    @Test("a mark ends with its life when Redis is gone, too", arguments: ["127.0.0.1", "localhost"])
    func markOfBefore(host: String) async throws {
        let backends = try NumberedBackends(1)
        try await withPlanB(
            configure: { options, _ in
                options.cachesFrontends = true
                options.deadSeconds = 3
            }
        ) { planb in
            try await planb.frontend("a.test", backends.entry(0).replacing("127.0.0.1", with: host))
            try await planb.redis.command("SADD", "dead:a.test", "0")
            #expect(Self.body(try await planb.get("a.test")) == "all backends are dead")
            await planb.redis.stop()
            try await eventually("it is in service again", within: .seconds(30)) { Self.body(try await planb.get("a.test")) == "0" }
        }
    }

    @Test("a frontend is believed for longer when Redis is gone; without the cache nobody is served then")
    func gone() async throws {
        let backends = try NumberedBackends(2)
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(1))
            #expect(Self.body(try await planb.get("a.test")) == "1")
            await planb.redis.stop()
            for _ in 0..<20 { #expect(Self.body(try await planb.get("a.test")) == "1") }
            #expect(try await planb.get("b.test").hasPrefix("HTTP/1.1 503 "))
        }
        let other = try await RedisTestServer.start()
        try await withPlanB(redis: other) { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            await other.stop()
            let answer = try await planb.get("a.test")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.hasSuffix("\r\n\r\n"))
            let again = try await RedisTestServer.start(port: other.port)
            try await again.command("RPUSH", "frontend:a.test", "id", backends.entry(1))
            try await eventually("Redis is asked again") { Self.body(try await planb.get("a.test")) == "1" }
        }
    }

    @Test("when Redis hangs nobody waits for it but the first", arguments: [false, true])
    func hanging(isCached: Bool) async throws {
        let backends = try NumberedBackends(1)
        try await withPlanB(configure: { options, _ in options.cachesFrontends = isCached }) { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            planb.redis.hang()
            try await eventually("a host that is not known gets no answer of Redis") { try await planb.get("b.test").hasPrefix("HTTP/1.1 503 ") }
            let began = ContinuousClock.now
            for _ in 0..<60 { #expect(try await planb.get("c.test").hasPrefix("HTTP/1.1 503 ")) }
            for _ in 0..<60 { #expect(try await planb.get("a.test").hasPrefix(isCached ? "HTTP/1.1 200 " : "HTTP/1.1 503 ")) }
            // Each with a wait of its own would take two minutes without the cache, and one with it.
            #expect(ContinuousClock.now - began < .seconds(40))
            planb.redis.goOn()
            try await eventually("Redis is asked again") { try await planb.get("c.test").hasSuffix("no such route") }
        }
    }

    @Test("a frontend is believed for as long as Redis will not say what is stored, and no longer when that is no frontend")
    func refused() async throws {
        let backends = try NumberedBackends(2)
        try await Self.withCache { planb in
            try await planb.frontend("a.test", backends.entry(0))
            #expect(Self.body(try await planb.get("a.test")) == "0")
            try await planb.redis.command("ACL", "SETUSER", "default", "-lrange")
            try await planb.frontend("a.test", backends.entry(1))
            for _ in 0..<20 { #expect(Self.body(try await planb.get("a.test")) == "0") }
            try await planb.redis.command("ACL", "SETUSER", "default", "+lrange")
            try await planb.redis.command("SET", "frontend:a.test", "x")
            try await eventually("it is served no more") { try await planb.get("a.test").hasPrefix("HTTP/1.1 503 ") }
        }
    }

    @Test("without the cache every request asks, and Redis is not asked to tell of changes")
    func uncached() async throws {
        let backends = try NumberedBackends(1)
        try await withPlanB { planb in
            try await planb.frontend("a.test", backends.entry(0))
            _ = try await planb.get("a.test")
            let before = try await Self.readCount(planb.redis)
            for _ in 0..<5 { #expect(Self.body(try await planb.get("a.test")) == "0") }
            #expect(try await Self.readCount(planb.redis) == before + 5)
            #expect(await !Self.isTold(planb))
        }
    }

    // MARK: By the clock

    private static func frontend(_ entries: [String], dead: Set<Int> = [], name: String = "a.test", _ reading: FrontendReading) -> Frontend {
        Frontend(
            host: name, question: FrontendQuestion(name, usesWildcards: false), backends: entries.map { Backend(Array($0.utf8)) }, dead: dead,
            turn: RoundRobinCounter(), reading: reading)
    }

    @Test("a frontend is fresh for two seconds, and with a Redis that is heard and tells of no change for sixty, or five if names have to be resolved")
    func freshness() {
        let start = NIODeadline.now()
        var changeCount = 0
        func isFresh(_ frontend: Frontend, after seconds: Double) -> Bool {
            frontend.isFresh(at: start + .milliseconds(Int64(seconds * 1000)), changeCount: changeCount)
        }
        let untold = Self.frontend(["127.0.0.1:1"], FrontendReading(beganAt: start))
        #expect(isFresh(untold, after: 1.9) && !isFresh(untold, after: 2))

        let (tracking, name) = (RedisTracking(heardAt: start), TrackedName())
        let reading = FrontendReading(beganAt: start, tracking: tracking, names: [name])
        let told = Self.frontend(["127.0.0.1:1"], reading)
        let named = Self.frontend(["a:1", "127.0.0.1:1"], reading)
        let marked = Self.frontend(["127.0.0.1:1", "127.0.0.1:2"], dead: [0], reading)
        // Redis has said nothing since.
        #expect(isFresh(told, after: 1.9) && !isFresh(told, after: 2))
        let later = RedisTracking(heardAt: start + .seconds(58))
        for frontend in [told, named, marked] { frontend.renew(FrontendReading(beganAt: start, tracking: later, names: [name])) }
        #expect(isFresh(told, after: 59) && !isFresh(told, after: 60))
        #expect(isFresh(named, after: 4.9) && !isFresh(named, after: 5))
        #expect(isFresh(marked, after: 1.9) && !isFresh(marked, after: 2))
        // Another name has changed.
        changeCount += 1
        #expect(isFresh(told, after: 59))
        name.change()
        changeCount += 1
        for frontend in [told, named, marked] { #expect(!isFresh(frontend, after: 0)) }
    }

    @Test("what is remembered is bounded: by hosts, by backends, and by names that nobody has")
    func bounds() {
        var cache = FrontendCache(capacity: 10, backendCapacity: 50)
        func frontend(_ count: Int) -> Frontend {
            Self.frontend((0..<count).map { "127.0.0.1:\($0 + 1)" }, FrontendReading(beganAt: .now()))
        }
        for number in 0..<1000 { cache.insert("h\(number).test", frontend(1)) }
        #expect((10...20).contains(cache.count) && cache.find("h999.test") != nil && cache.find("h0.test") == nil)
        for number in 0..<1000 { cache.insert("l\(number).test", frontend(25)) }
        #expect((2...4).contains(cache.count) && cache.find("l999.test") != nil)
        // The same one again and again is one.
        for _ in 0..<1000 { cache.insert("l999.test", frontend(25)) }
        #expect((2...4).contains(cache.count))

        let kept = cache.track(["kept.test"])
        cache.insert("kept.test", Self.frontend(["127.0.0.1:1"], name: "kept.test", FrontendReading(beganAt: .now(), names: kept)))
        var used = cache.track(["used.test"])
        for number in 0..<50_000 { _ = cache.track(["n\(number).test"]) }
        #expect(!kept[0].hasChanged)
        var changeCount = cache.changeCount
        // Whoever still relies on one that was forgotten takes it for changed.
        #expect(used[0].hasChanged)
        used = cache.track(["used.test"])
        cache.change("used.test")
        #expect(cache.changeCount > changeCount)
        changeCount = cache.changeCount
        #expect(used[0].hasChanged && cache.track(["used.test"])[0] !== used[0])
        cache.changeAll()
        #expect(cache.changeCount > changeCount)
        #expect(kept[0].hasChanged)
    }
}
