import EpollTransport
import Logging
import NIOCore
import PlaneTestSupport
import RedisClient
import Testing

@Suite("A client of Redis", .timeLimit(.minutes(10)))
struct RedisClientTests {
    /// A machine that is busy with other tests takes longer than the limits of production.
    private static let patient: RedisLimits = {
        var limits = RedisLimits()
        (limits.connect, limits.answer) = (.seconds(30), .seconds(30))
        return limits
    }()

    private static func withCaller(
        _ server: RedisServer, limits: RedisLimits = Self.patient, _ body: (RedisCaller) async throws -> Void
    ) async throws {
        let group = EpollEventLoopGroup(threads: 1)
        let caller = try await RedisCaller.make(server, limits: limits, on: group.loops[0], logger: Logger(label: "redis-test"))
        let result: Result<Void, any Error>
        do { result = .success(try await body(caller)) } catch { result = .failure(error) }
        caller.close()
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func tcp(_ port: UInt16) -> RedisServer { RedisServer(.tcp(host: "127.0.0.1", port: Int(port))) }

    @Test("commands of many tasks get their own answers, binary ones too")
    func answers() async throws {
        let redis = try await RedisTestServer.start()
        try await Self.withCaller(Self.tcp(redis.port)) { caller in
            let binary = (0...255).map { UInt8($0) }
            #expect(try await caller.send(RedisCommand("SET", Array("key".utf8), binary)) == .text(Array("OK".utf8)))
            #expect(try await caller.send(RedisCommand("GET", "key")) == .bulk(binary))
            try await withThrowingTaskGroup(of: (Int, RedisValue).self) { group in
                for number in 0..<500 { group.addTask { (number, try await caller.send(RedisCommand("ECHO", "\(number)"))) } }
                for try await (number, value) in group { #expect(value.string == "\(number)") }
            }
            #expect(
                try await caller.send(RedisCommand("LRANGE", "key", "0", "1")) == .error("WRONGTYPE Operation against a key holding the wrong kind of value"))
        }
    }

    @Test("a password, a database and a socket in the file system are used as they are told")
    func places() async throws {
        let redis = try await RedisTestServer.start(password: "secret")
        var server = RedisServer(.unix(path: redis.socketPath))
        server.password = "secret"
        server.database = 3
        try await redis.command("SET", "where", "three", database: 3)
        try await Self.withCaller(server) { caller in
            let value = try await caller.send(RedisCommand("GET", "where"))
            #expect(value.string == "three")
        }
        // A name instead of an address.
        server.location = .tcp(host: "localhost", port: Int(redis.port))
        try await Self.withCaller(server) { caller in
            let value = try await caller.send(RedisCommand("GET", "where"))
            #expect(value.string == "three")
        }
    }

    @Test("a wrong password is an error that says so, and does not say the password")
    func wrongPassword() async throws {
        let redis = try await RedisTestServer.start(password: "secret")
        var server = Self.tcp(redis.port)
        server.password = "guess"
        try await Self.withCaller(server) { caller in
            let error = await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("PING", arguments: [])) }
            #expect(error?.code == .refused)
            #expect(error?.description.contains("WRONGPASS") == true && error?.description.contains("guess") == false)
        }
    }

    @Test("while there is no server commands fail at once, without an attempt of their own")
    func gone() async throws {
        let port = try freeLoopbackPort()
        var limits = RedisLimits()
        // Whatever waited for the next attempt would wait for longer than this test may.
        limits.pause = .seconds(3600)
        try await Self.withCaller(Self.tcp(port), limits: limits) { caller in
            let first = await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("PING", arguments: [])) }
            #expect(first?.code == .unreachable)
            // Somebody listens by now, whom nobody asks.
            let redis = try await RedisTestServer.start(port: port)
            for _ in 0..<100 {
                let error = await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("PING", arguments: [])) }
                #expect(error?.description == first?.description)
            }
            await redis.stop()
        }
    }

    @Test("once a server is back commands succeed, and a connection that breaks between two of them costs nobody an error")
    func back() async throws {
        let port = try freeLoopbackPort()
        try await Self.withCaller(Self.tcp(port)) { caller in
            await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("PING", arguments: [])) }
            var redis = try await RedisTestServer.start(port: port)
            try await eventually("redis is reached") { (try? await caller.send(RedisCommand("PING", arguments: []))) != nil }
            await redis.stop()
            redis = try await RedisTestServer.start(port: port)
            try await eventually("redis is reached") { (try? await caller.send(RedisCommand("PING", arguments: []))) != nil }
            try await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            #expect(try await caller.send(RedisCommand("PING", arguments: [])).string == "PONG")
        }
    }

    @Test("a server that takes a connection and says nothing costs one limit, and no more for those behind")
    func silence() async throws {
        let silent = try TestBackend()
        var limits = RedisLimits()
        limits.answer = .seconds(1)
        try await Self.withCaller(Self.tcp(silent.port), limits: limits) { caller in
            async let peer = silent.accept()
            let began = ContinuousClock.now
            await withTaskGroup(of: RedisError.Code?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        do throws(RedisError) { _ = try await caller.send(RedisCommand("PING", arguments: [])); return nil } catch { return error.code }
                    }
                }
                for await code in group { #expect(code == .timedOut) }
            }
            // One after the other they would take as many seconds as they are.
            #expect(ContinuousClock.now - began < .seconds(25))
            _ = try await peer
        }
    }

    @Test("a server that hangs costs one limit, and then nothing until it answers again, although it still takes connections")
    func hanging() async throws {
        let redis = try await RedisTestServer.start()
        var limits = RedisLimits()
        (limits.connect, limits.answer) = (.seconds(3600), .seconds(2))
        let ping = RedisCommand("PING", arguments: [])
        try await Self.withCaller(Self.tcp(redis.port), limits: limits) { caller in
            try await eventually("redis answers") { (try? await caller.send(ping)) != nil }
            redis.hang()
            try await eventually("an answer does not come in time") {
                do throws(RedisError) { _ = try await caller.send(ping) } catch { return error.code == .timedOut }
                return false
            }
            let began = ContinuousClock.now
            for _ in 0..<100 { await #expect(throws: RedisError.self) { try await caller.send(ping) } }
            // Each with a wait of its own would take 200 s.
            #expect(ContinuousClock.now - began < .seconds(60))
            redis.goOn()
            try await eventually("redis is used again") { (try? await caller.send(ping)) != nil }
        }
    }

    @Test("a server that is back is used by whoever may not ask for a sign of life")
    func withoutPing() async throws {
        let port = try freeLoopbackPort()
        try await Self.withCaller(Self.tcp(port)) { caller in
            await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("GET", "key")) }
            let redis = try await RedisTestServer.start(port: port)
            try await redis.command("ACL", "SETUSER", "default", "-ping")
            try await eventually("redis is reached") { (try? await caller.send(RedisCommand("GET", "key"))) == .null }
        }
    }

    @Test("a server that is no Redis is told apart, and ends nothing")
    func noRedis() async throws {
        let other = try TestBackend()
        var limits = RedisLimits()
        limits.answer = .seconds(30)
        try await Self.withCaller(Self.tcp(other.port), limits: limits) { caller in
            let serving = other.answerOnce("HTTP/1.1 400 Bad Request\r\n\r\n")
            let error = await #expect(throws: RedisError.self) { try await caller.send(RedisCommand("PING\r\n\r\n", arguments: [])) }
            #expect(error?.code == .malformed)
            _ = try await serving.value
        }
    }

    @Test("messages of a channel come, and go on coming after the connection broke")
    func subscription() async throws {
        let redis = try await RedisTestServer.start()
        let group = EpollEventLoopGroup(threads: 1)
        let (heard, continuation) = AsyncStream.makeStream(of: String.self)
        let loop = group.loops[0]
        let subscription = try await loop.submit {
            let subscription = RedisSubscription(
                Self.tcp(redis.port), channel: "dead", on: loop, logger: Logger(label: "redis-test"), began: { continuation.yield("began") },
                message: { continuation.yield(String(decoding: $0, as: UTF8.self)) })
            subscription.start()
            return NIOLoopBound(subscription, eventLoop: loop)
        }.get()
        var iterator = heard.makeAsyncIterator()
        #expect(await iterator.next() == "began")
        try await redis.command("PUBLISH", "dead", "one")
        #expect(await iterator.next() == "one")
        try await redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        #expect(await iterator.next() == "began")
        try await redis.command("PUBLISH", "dead", "two")
        #expect(await iterator.next() == "two")
        try await loop.submit { subscription.value.stop() }.get()
        try await group.shutdownGracefully()
    }

    @Test("the master is found by its sentinels, and the new one after a failover")
    func failover() async throws {
        let master = try await RedisTestServer.start()
        let replica = try await RedisTestServer.start(options: ["--replicaof", "127.0.0.1", "\(master.port)"])
        let sentinel = try await master.sentinel()
        try await eventually("the sentinel knows the replica") { try await sentinel.replicaCount() == 1 }
        let dead = try freeLoopbackPort()
        let server = RedisServer(
            .sentinels([.init(host: "127.0.0.1", port: Int(dead)), .init(host: "127.0.0.1", port: Int(sentinel.port))], master: "mymaster"))
        try await Self.withCaller(server) { caller in
            #expect(try await caller.send(RedisCommand("SET", "a", "1")) == .text(Array("OK".utf8)))
            try await eventually("the replica has it") { try await replica.command("GET", "a") == ["1"] }
            await master.stop()
            try await eventually("the replica is the master, and is written", within: .seconds(30)) {
                (try? await caller.send(RedisCommand("SET", "b", "2"))) == .text(Array("OK".utf8))
            }
            #expect(try await replica.command("GET", "b") == ["2"])
            #expect(try await caller.send(RedisCommand("GET", "a")).string == "1")
        }
    }

    // MARK: Being told of changes

    /// A client that asks to be told of changes, and what it was told. Used on its loop.
    private final class Tracked {
        let client: RedisClient

        init(
            _ port: UInt16, on loop: EpollEventLoop, _ logger: Logger, trackingRetry: Duration, _ told: AsyncStream<RedisInvalidation>.Continuation
        ) {
            // A machine that is busy with other tests takes longer than the limits of production.
            var limits = RedisLimits()
            limits.connect = .seconds(30)
            limits.answer = .seconds(5)
            limits.trackingRetry = trackingRetry
            self.client = RedisClient(RedisClientTests.tcp(port), limits: limits, trackedPrefixes: ["a", "missing"], on: loop, logger: logger)
            self.client.invalidated = { told.yield($0) }
        }
    }

    private static func withTracked(
        _ port: UInt16, logger: Logger = Logger(label: "redis-test"), trackingRetry: Duration = .seconds(300),
        _ body: (RedisCaller, NIOLoopBound<Tracked>, AsyncStream<RedisInvalidation>) async throws -> Void
    ) async throws {
        let group = EpollEventLoopGroup(threads: 1)
        let loop = group.loops[0]
        let (told, continuation) = AsyncStream.makeStream(of: RedisInvalidation.self)
        let tracked = try await loop.submit {
            NIOLoopBound(Tracked(port, on: loop, logger, trackingRetry: trackingRetry, continuation), eventLoop: loop)
        }.get()
        let caller = try await loop.submit { RedisCaller(tracked.value.client, on: loop) }.get()
        let result: Result<Void, any Error>
        do { result = .success(try await body(caller, tracked, told)) } catch { result = .failure(error) }
        caller.close()
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func isTold(_ tracked: NIOLoopBound<Tracked>) async throws -> Bool {
        try await tracked.eventLoop.submit { tracked.value.client.tracking != nil }.get()
    }

    @Test("who asks for it is told of each change of keys with its prefixes, of no other, and when all are gone; Redis remembers nothing for it")
    func changes() async throws {
        let redis = try await RedisTestServer.start()
        try await redis.command("RPUSH", "a", "1")
        try await Self.withTracked(redis.port) { caller, tracked, told in
            var changes = told.makeAsyncIterator()
            _ = try await caller.send(RedisCommand("PING", arguments: []))
            #expect(try await Self.isTold(tracked))
            #expect(try await caller.send(RedisCommand("LRANGE", "a", "0", "-1")) == .array([.bulk(Array("1".utf8))]))
            #expect(try await caller.send(RedisCommand("SMEMBERS", "missing")) == .array([]))
            try await redis.command("RPUSH", "unread", "x")
            try await redis.command("RPUSH", "a", "2")
            #expect(await changes.next() == .keys([Array("a".utf8)]))
            try await redis.command("RPUSH", "a", "3")
            #expect(await changes.next() == .keys([Array("a".utf8)]))
            #expect(try await redis.command("INFO", "stats").contains { $0.hasPrefix("tracking_total_keys:0") })
            try await redis.command("SADD", "missing", "0")
            #expect(await changes.next() == .keys([Array("missing".utf8)]))
            try await redis.command("FLUSHALL")
            #expect(await changes.next() == .everything)
        }
    }

    @Test("a connection that breaks tells nothing any more, and the next one does")
    func trackingAgain() async throws {
        let redis = try await RedisTestServer.start()
        try await Self.withTracked(redis.port) { caller, tracked, told in
            var changes = told.makeAsyncIterator()
            _ = try await caller.send(RedisCommand("PING", arguments: []))
            let first = try await tracked.eventLoop.submit { NIOLoopBound(try #require(tracked.value.client.tracking), eventLoop: tracked.eventLoop) }.get()
            try await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await eventually("the first one is over") { try await tracked.eventLoop.submit { !first.value.isActive }.get() }
            _ = try await caller.send(RedisCommand("GET", "a"))
            _ = try await caller.send(RedisCommand("GET", "a"))
            try await redis.command("SET", "a", "1")
            #expect(await changes.next() == .keys([Array("a".utf8)]))
        }
    }

    @Test("a server that permits no tracking, or knows none, answers as ever, and the log says why", arguments: ["", "HELLO", "CLIENT"])
    func noTracking(unknown: String) async throws {
        let redis = try await RedisTestServer.start(options: unknown.isEmpty ? [] : ["--rename-command", unknown, ""])
        if unknown.isEmpty { try await redis.command("ACL", "SETUSER", "default", "-client|tracking") }
        let log = LogRecorder()
        try await Self.withTracked(redis.port, logger: log.logger) { caller, tracked, _ in
            let added = try await caller.send(RedisCommand("SADD", "a", "x"))
            #expect(added == .integer(1))
            #expect(try await caller.send(RedisCommand("SMEMBERS", "a")) == .array([.bulk(Array("x".utf8))]))
            #expect(try await !Self.isTold(tracked))
            let reason = "\(await log.entry("redis does not tell of changes").metadata)"
            #expect(reason.contains(unknown.isEmpty ? "NOPERM" : "unknown command"))
        }
    }

    @Test("a server that hangs up when it is asked for tracking is asked the second time without")
    func hangingUp() async throws {
        let server = try TestBackend()
        try await Self.withTracked(server.port) { caller, tracked, _ in
            async let answer = caller.send(RedisCommand("PING", arguments: []))
            let first = try await server.accept()
            _ = try await first.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            first.close()
            let second = try await server.accept()
            #expect(try await second.receive(until: "PING\r\n") == "*1\r\n$4\r\nPING\r\n")
            try await second.send("+PONG\r\n")
            let pong = try await answer
            #expect(pong.string == "PONG")
            #expect(try await !Self.isTold(tracked))
        }
    }

    @Test("it is asked again later, on a second connection, to which commands go when it tracks; those on the first one are still answered")
    func trackingLater() async throws {
        let server = try TestBackend()
        try await Self.withTracked(server.port, trackingRetry: .milliseconds(20)) { caller, tracked, _ in
            async let answer = caller.send(RedisCommand("PING", arguments: []))
            let hangingUp = try await server.accept()
            _ = try await hangingUp.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            hangingUp.close()
            let first = try await server.accept()
            _ = try await first.receive(until: "PING\r\n")
            try await first.send("+PONG\r\n")
            let pong = try await answer
            #expect(pong.string == "PONG")
            // It hangs up once more, which harms nobody.
            let again = try await server.accept()
            _ = try await again.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            again.close()
            let second = try await server.accept()
            _ = try await second.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            #expect(try await !Self.isTold(tracked))
            async let early = caller.send(RedisCommand("GET", "early"))
            _ = try await first.receive(until: "early\r\n")
            try await second.send("%0\r\n+OK\r\n")
            try await eventually("changes are told") { try await Self.isTold(tracked) }
            async let late = caller.send(RedisCommand("GET", "late"))
            _ = try await second.receive(until: "late\r\n")
            try await first.send("$1\r\na\r\n")
            try await second.send("$1\r\nb\r\n")
            let (onFirst, onSecond) = (try await early, try await late)
            #expect(onFirst.string == "a" && onSecond.string == "b")
            #expect(try await first.receiveToEnd().isEmpty)
        }
    }

    @Test("commands on the connection from before are sent again if it breaks before their answers")
    func formerBreaks() async throws {
        let server = try TestBackend()
        try await Self.withTracked(server.port, trackingRetry: .milliseconds(20)) { caller, tracked, _ in
            async let value = caller.send(RedisCommand("GET", "early"))
            let first = try await server.accept()
            _ = try await first.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            try await first.send("-ERR unknown command\r\n-ERR unknown command\r\n")
            _ = try await first.receive(until: "early\r\n")
            let second = try await server.accept()
            _ = try await second.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            try await second.send("%0\r\n+OK\r\n")
            try await eventually("changes are told") { try await Self.isTold(tracked) }
            first.close()
            _ = try await second.receive(until: "early\r\n")
            try await second.send("$1\r\na\r\n")
            let repeated = try await value
            #expect(repeated.string == "a")
        }
    }

    @Test("a server that permits tracking later tells of changes then")
    func permittedLater() async throws {
        let redis = try await RedisTestServer.start()
        try await redis.command("ACL", "SETUSER", "default", "-client|tracking")
        let log = LogRecorder()
        try await Self.withTracked(redis.port, logger: log.logger, trackingRetry: .milliseconds(20)) { caller, tracked, told in
            var changes = told.makeAsyncIterator()
            _ = try await caller.send(RedisCommand("PING", arguments: []))
            #expect(try await !Self.isTold(tracked))
            try await redis.command("ACL", "SETUSER", "default", "+client|tracking")
            try await eventually("changes are told") { try await Self.isTold(tracked) }
            _ = await log.entry("redis tells of changes")
            try await redis.command("SET", "a", "1")
            #expect(await changes.next() == .keys([Array("a".utf8)]))
            #expect(try await caller.send(RedisCommand("GET", "a")).string == "1")
        }
    }

    @Test("while somebody relies on being told the server is asked for a sign of life, and given up without one")
    func signsOfLife() async throws {
        let server = try TestBackend()
        try await Self.withTracked(server.port) { caller, tracked, _ in
            async let answer = caller.send(RedisCommand("GET", "a"))
            let peer = try await server.accept()
            _ = try await peer.receive(until: "PREFIX\r\n$7\r\nmissing\r\n")
            try await peer.send("%0\r\n+OK\r\n")
            _ = try await peer.receive(until: "GET\r\n$1\r\na\r\n")
            try await peer.send("_\r\n")
            let nothing = try await answer
            #expect(nothing == .null)
            let tracking = try await tracked.eventLoop.submit { NIOLoopBound(try #require(tracked.value.client.tracking), eventLoop: tracked.eventLoop) }.get()
            // From here on somebody relies on it.
            let isCurrent = try await tracked.eventLoop.submit { tracking.value.isCurrent(within: .seconds(60), at: .now()) }.get()
            #expect(isCurrent)
            #expect(try await peer.receive(until: "PING\r\n") == "*1\r\n$4\r\nPING\r\n")
            _ = try await peer.receiveToEnd()
            try await eventually("nothing is told any more") {
                try await tracked.eventLoop.submit { !tracking.value.isCurrent(within: .seconds(60), at: .now()) }.get()
            }
        }
    }
}
