import Foundation
import Glibc
import PlaneTestSupport
import Synchronization
import Testing

@Suite("planb, the program")
struct ProgramTests {
    /// The program with a Redis, once it listens.
    private struct Running {
        let process: TestProcess
        let port: UInt16
        let redis: RedisTestServer
        let directory: TemporaryDirectory

        func get(_ host: String) async throws -> String {
            let client = try TestPeer.connect(port: self.port)
            try await client.send("GET / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            return try await client.receiveToEnd()
        }
    }

    private static func start(_ redis: RedisTestServer, redisFlags: [String]? = nil, _ flags: String...) async throws -> Running {
        let port = try freeLoopbackPort()
        let directory = try TemporaryDirectory()
        let both = redisFlags ?? ["--read-redis-port", "\(redis.port)", "--write-redis-port", "\(redis.port)"]
        let process = try TestProcess(
            "/bin/sh",
            [
                "-c", "echo number=$$; exec \"$0\" \"$@\"", TestProcess.path(of: "planb"), "--listen", "127.0.0.1:\(port)", "--access-log",
                directory.file("access.log"),
            ]
                + both + flags)
        try await process.line(containing: "planb is ready")
        return Running(process: process, port: port, redis: redis, directory: directory)
    }

    @Test("it starts, says where it listens, serves, tells what is going on, and stops with success", arguments: [TestProcess.Signal.interrupt, .terminate])
    func life(signal: TestProcess.Signal) async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        let metrics = try freeLoopbackPort()
        let planb = try await Self.start(redis, "--metrics-address", "127.0.0.1:\(metrics)", "--active-healthcheck")
        try await planb.process.line(containing: "Using the native engine")
        try await planb.process.line(containing: "Listening on 127.0.0.1:\(planb.port)...")
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        let scraper = try TestPeer.connect(port: metrics)
        try await eventually("the request is counted") {
            try await scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            return try await scraper.receiveMessage().contains("planb_reverseproxy_backends_responses_total{status_code=\"200\"} 1\n")
        }
        try await scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await MetricsLinter.findings(in: try await scraper.receiveMessage()) == [])
        let number = try #require(pid_t(try await planb.process.line(containing: "number=").dropFirst(7)))
        let open = try TestPeer.connect(port: planb.port)
        try await open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        _ = try await open.receiveMessage()
        kill(number, SIGUSR2)
        kill(number, SIGUSR1)
        try await planb.process.line(containing: "planb, process \(number)")
        try await planb.process.line(containing: "connections of visitors: 1 open; new ones are taken")
        try await planb.process.line(containing: "redis to read, 127.0.0.1:\(redis.port): connected")
        try await planb.process.line(containing: "dead marks of this process: 0")
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        // It checks what is marked, and lifts marks, in the same process.
        try await eventually("it listens") { try await redis.command("PUBSUB", "NUMSUB", "dead").last == "1" }
        try await redis.command("SADD", "dead:a.test", "0")
        try await redis.command("PUBLISH", "dead", "a.test;\(backends.entry(0));0;1")
        try await eventually("the mark is lifted") { try await redis.command("EXISTS", "dead:a.test") == ["0"] }
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        #expect(await planb.process.stop(signal) == 0)
    }

    @Test("a client that sends half a head, or asks nothing more after an answer, is let go after the times of the flags")
    func clientLimits() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        let planb = try await Self.start(redis, "--client-read-header-timeout", "300ms", "--client-idle-timeout", "300ms")
        let half = try TestPeer.connect(port: planb.port)
        try? await half.send("GET / HTTP/1.1\r\nHost: a.test\r\n")  // the time may be over already
        #expect(try await !half.receiveToEnd().contains(" 200 "))
        try await eventually("a request that comes in time is answered, and its connection ends") {
            let idle = try TestPeer.connect(port: planb.port)
            try? await idle.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            return (try? await idle.receiveToEnd())?.hasSuffix("\r\n\r\n0") ?? false
        }
        #expect(await planb.process.stop(.interrupt) == 0)
    }

    @Test(
        "promtool's linter finds nothing in its metrics, and each has a sentence",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func metrics() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        let metrics = try freeLoopbackPort()
        let planb = try await Self.start(redis, "--metrics-address", "127.0.0.1:\(metrics)")
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        let scraper = try TestPeer.connect(port: metrics)
        var text = ""
        try await eventually("the request is counted") {
            try await scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            text = try await scraper.receiveMessage().split(separator: "\r\n\r\n", maxSplits: 1).last.map { String($0) } ?? ""
            return text.contains("planb_reverseproxy_backends_responses_total{status_code=\"200\"} 1\n")
        }
        let types = text.matches(of: #/# TYPE (\w+) /#).map { String($0.output.1) }
        #expect(types.count { $0.hasPrefix("planb_") } == 5 && types.contains { $0.hasPrefix("proxy_") } && types.contains { $0.hasPrefix("process_") })
        for name in types { #expect(text.contains("# HELP \(name) "), "\(name)") }
        let file = planb.directory.file("metrics")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try await TestProcess.run("/bin/sh", ["-c", "/usr/bin/promtool check metrics <'\(file)' 2>&1"])
        #expect(await planb.process.stop(.terminate) == 0)
    }

    @Test("a request that is being answered is answered before the end")
    func drain() async throws {
        let redis = try await RedisTestServer.start()
        let backend = try TestBackend()
        try await redis.command("RPUSH", "frontend:a.test", "id", backend.entry)
        let planb = try await Self.start(redis)
        async let answer = planb.get("a.test")
        let peer = try await backend.accept()
        _ = try await peer.receive(until: "\r\n\r\n")
        planb.process.signal(.terminate)
        try await eventually("nobody listens") { (try? TestPeer.connect(port: planb.port)) == nil }
        try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        #expect(try await answer.hasSuffix("\r\n\r\nlate"))
        #expect(await planb.process.ended() == 0)
    }

    @Test("what keeps it from starting is one line, and status 1; a flag that cannot be read is the usage, and another status than 0")
    func failures() async throws {
        let nobody = try freeLoopbackPort()
        func run(_ arguments: String...) async throws -> (status: Int32, log: [String]) {
            let process = try TestProcess.ours("planb", ["--listen", "127.0.0.1:\(nobody)", "--access-log", "none"] + arguments)
            return (await process.ended(), process.log)
        }
        let unreachable = try await run("--read-redis-port", "\(nobody)")
        #expect(unreachable.status == 1 && unreachable.log.last?.contains("127.0.0.1:\(nobody): Connection refused") == true)
        let engine = try await run("--engine", "sni")
        #expect(engine.status == 1 && engine.log.last?.hasPrefix("planb: --engine: sni") == true)
        let redis = try await RedisTestServer.start(password: "secret")
        let ports = ["--read-redis-port", "\(redis.port)", "--write-redis-port", "\(redis.port)"]
        let locked = try TestProcess.ours("planb", ["--access-log", "none"] + ports)
        #expect(await locked.ended() == 1)
        let taken = try TestBackend()
        let open = try await RedisTestServer.start()
        let busy = try TestProcess.ours(
            "planb", ["--listen", "127.0.0.1:\(taken.port)", "--access-log", "none", "--read-redis-port", "\(open.port)", "--write-redis-port", "\(open.port)"])
        #expect(await busy.ended() == 1)
        #expect(busy.log.contains { $0.contains("Address already in use") })
        let log = try TestProcess.ours(
            "planb",
            [
                "--listen", "127.0.0.1:\(nobody)", "--access-log", "/nowhere/access.log", "--read-redis-port", "\(open.port)", "--write-redis-port",
                "\(open.port)",
            ])
        #expect(await log.ended() == 1)
        #expect(log.log.contains { $0.hasPrefix("planb: ") && $0.contains("/nowhere/access.log") })
        let sentinel = try await run("--read-redis-sentinel-addrs", "127.0.0.1:1")
        #expect(sentinel.status == 1 && sentinel.log.last?.hasPrefix("planb: --read-redis-sentinel-name: ") == true)
        #expect(try await run("--nonsense").status == 64)
        #expect(try await run("--client-read-timeout", "5").status == 64)
        let version = try await run("--version")
        #expect(version.status == 0 && version.log.first?.hasPrefix("planb version ") == true)
        #expect(try await run("--help").status == 0)
    }

    @Test("a password, a socket, a database, and a replica to read with a master to write")
    func places() async throws {
        let master = try await RedisTestServer.start()
        let replica = try await RedisTestServer.start(options: ["--replicaof", "127.0.0.1", "\(master.port)"])
        let dead = try TestBackend.refusing()
        try await master.command("RPUSH", "frontend:a.test", "id", dead.entry)
        try await eventually("the replica has it") { try await replica.command("EXISTS", "frontend:a.test") == ["1"] }
        let split = try await Self.start(replica, redisFlags: ["--read-redis-port", "\(replica.port)", "--write-redis-port", "\(master.port)"])
        #expect(try await split.get("a.test").hasPrefix("HTTP/1.1 503 "))
        try await eventually("the master has the mark") { try await master.command("SMEMBERS", "dead:a.test") == ["0"] }
        #expect(await split.process.stop() == 0)

        let locked = try await RedisTestServer.start(password: "secret")
        let backends = try NumberedBackends(1)
        try await locked.command("RPUSH", "frontend:a.test", "id", backends.entry(0), database: 4)
        let flags = ["read", "write"].flatMap { side in
            ["--\(side)-redis-network", "unix", "--\(side)-redis-host", locked.socketPath, "--\(side)-redis-password", "secret", "--\(side)-redis-db", "4"]
        }
        let planb = try await Self.start(locked, redisFlags: flags)
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        #expect(await planb.process.stop() == 0)
        #expect(!planb.process.log.contains { $0.contains("secret") })
    }

    /// What visitors were answered.
    private final class Visits: Sendable {
        struct State {
            var served = 0
            var refused = 0
            var wrong: [String] = []
            var isOver = false
            var lastRefusal: ContinuousClock.Instant?
        }

        private let content = Mutex(State())
        var state: State { self.content.withLock { $0 } }
        func end() { self.content.withLock { $0.isOver = true } }

        func note(_ answer: String) {
            self.content.withLock { state in
                if answer.hasPrefix("HTTP/1.1 200 "), answer.hasSuffix("\r\n\r\n0") {
                    state.served += 1
                } else if answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"), answer.hasSuffix("\r\n\r\n") {
                    state.refused += 1
                    state.lastRefusal = .now
                } else {
                    state.wrong.append(answer)
                }
            }
        }
    }

    @Test(
        "in the middle of traffic the master fails and its replica takes over: every request is answered, with the cache each as ever, and marks go to the new master",
        arguments: [false, true])
    func failover(isCached: Bool) async throws {
        let master = try await RedisTestServer.start()
        let replica = try await RedisTestServer.start(options: ["--replicaof", "127.0.0.1", "\(master.port)"])
        let sentinel = try await master.sentinel()
        let (backends, dead) = (try NumberedBackends(1), try TestBackend.refusing())
        try await master.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        try await master.command("RPUSH", "frontend:b.test", "id", dead.entry)
        try await eventually("the sentinel knows the replica") { try await sentinel.replicaCount() == 1 }
        try await eventually("the replica has it all") { try await replica.command("EXISTS", "frontend:a.test", "frontend:b.test") == ["2"] }
        let flags = ["read", "write"].flatMap { ["--\($0)-redis-sentinel-addrs", "127.0.0.1:\(sentinel.port)", "--\($0)-redis-sentinel-name", "mymaster"] }
        let planb = try await Self.start(master, redisFlags: flags + (isCached ? ["--backend-cache"] : []))
        let visits = Visits()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { while !Task.isCancelled, !visits.state.isOver { visits.note(try await planb.get("a.test")) } }
            }
            // By then every thread of planb has served the host.
            try await eventually("visitors are served") { visits.state.served >= 200 }
            let began = ContinuousClock.now
            await master.stop()
            try await eventually("the sentinel names the replica", within: .seconds(60)) { try await sentinel.masterPort() == "\(replica.port)" }
            let before = visits.state.served
            try await eventually("visitors are served again", within: .seconds(60)) { visits.state.served >= before + 200 }
            try await eventually("the new master has a mark", within: .seconds(60)) {
                _ = try await planb.get("b.test")
                return try await replica.command("SMEMBERS", "dead:b.test") == ["0"]
            }
            visits.end()
            try await group.waitForAll()
            let state = visits.state
            let gap = state.lastRefusal.map { $0 - began } ?? .zero
            print("failover\(isCached ? " with the cache" : ""): \(state.served) served, \(state.refused) refused, the last of them after \(gap)")
            #expect(state.wrong.isEmpty, "\(state.wrong.prefix(3))")
            #expect(state.refused == 0 || !isCached)
        }
        #expect(await planb.process.stop() == 0)
    }

    @Test("a successor takes over under traffic: no request is lost, and an open WebSocket goes on")
    func succession() async throws {
        let redis = try await RedisTestServer.start()
        let (backends, chat) = (try NumberedBackends(1), try TestBackend())
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        try await redis.command("RPUSH", "frontend:ws.test", "id", chat.entry)
        let planb = try await Self.start(redis)
        let client = try TestPeer.connect(port: planb.port)
        try await client.send("GET / HTTP/1.1\r\nHost: ws.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        let peer = try await chat.accept()
        _ = try await peer.receive(until: "\r\n\r\n")
        try await peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        _ = try await client.receive(until: "\r\n\r\n")

        let served = Mutex(0)
        let isOver = Mutex(false)
        let traffic = Task<Void, any Error> {
            while !isOver.withLock({ $0 }) {
                let answer = try await planb.get("a.test")
                #expect(answer.hasSuffix("\r\n\r\n0"))
                served.withLock { $0 += 1 }
            }
        }
        let number = try #require(pid_t(try await planb.process.line(containing: "number=").dropFirst(7)))
        kill(number, SIGHUP)
        let line = try await planb.process.line(containing: "a successor has taken over")
        let successor = try #require(line.split(separator: "successor=").last.flatMap { pid_t($0.prefix { $0.isNumber }) })
        let before = served.withLock { $0 }
        try await eventually("the successor serves") { served.withLock { $0 } > before + 20 }
        isOver.withLock { $0 = true }
        try await traffic.value
        try await client.send("still here")
        #expect(try await peer.receive(until: "still here") == "still here")
        client.close()
        _ = try await peer.receiveToEnd()
        #expect(try await planb.get("a.test").hasSuffix("\r\n\r\n0"))
        kill(successor, SIGTERM)
        try await eventually("nobody listens") { (try? TestPeer.connect(port: planb.port)) == nil }
    }

    @Test("a successor has the TLS, the metrics and the health check of the one before, whose idle connections are served once more")
    func wholeSuccession() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        let made = try TemporaryDirectory()
        let certificates = try await TestCertificates(in: URL(filePath: made.path), names: ["a.test"])
        try await redis.command(
            "HSET", "tls:a.test", "certificate", try String(contentsOfFile: certificates.path("server.pem"), encoding: .utf8), "key",
            try String(contentsOfFile: certificates.path("server.key"), encoding: .utf8))
        let (tls, metrics) = (try freeLoopbackPort(), try freeLoopbackPort())
        let planb = try await Self.start(
            redis, "--tls-listen", "127.0.0.1:\(tls)", "--metrics-address", "127.0.0.1:\(metrics)", "--active-healthcheck")
        func overTLS() async throws -> [String] {
            try await TestProcess.run(
                "/bin/sh", ["-c", "curl -ksS --resolve a.test:\(tls):127.0.0.1 'https://a.test:\(tls)/' -o /dev/null -w '%{http_code}\\n'"])
        }
        func measure() async throws -> String {
            let scraper = try TestPeer.connect(port: metrics)
            try await scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return try await scraper.receiveToEnd()
        }
        #expect(try await overTLS().last?.hasSuffix("200") == true)
        let kept = try TestPeer.connect(port: planb.port)
        try await kept.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        #expect(try await kept.receiveMessage().hasSuffix("\r\n\r\n0"))

        let number = try #require(pid_t(try await planb.process.line(containing: "number=").dropFirst(7)))
        kill(number, SIGHUP)
        let line = try await planb.process.line(containing: "a successor has taken over")
        let successor = try #require(line.split(separator: "successor=").last.flatMap { pid_t($0.prefix { $0.isNumber }) })
        // Its next request is its last, as its answer says.
        try? await kept.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        let last = try await kept.receiveToEnd()
        #expect(last.isEmpty || last.hasSuffix("\r\n\r\n0") && last.lowercased().contains("connection: close"), "\(last)")
        try await eventually("the former process has ended") {
            kill(number, 0) != 0 || (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8))?.contains(") Z ") == true
        }
        #expect(try await overTLS().last?.hasSuffix("200") == true)
        // The successor counts anew, and alone.
        try await eventually("the request through TLS is counted") {
            try await measure().contains("planb_reverseproxy_backends_responses_total{status_code=\"200\"} 1\n")
        }
        try await eventually("it listens") { try await redis.command("PUBSUB", "NUMSUB", "dead").last == "1" }
        try await redis.command("SADD", "dead:a.test", "0")
        try await redis.command("PUBLISH", "dead", "a.test;\(backends.entry(0));0;1")
        try await eventually("the mark is lifted") { try await redis.command("EXISTS", "dead:a.test") == ["0"] }
        kill(successor, SIGTERM)
        try await eventually("nobody listens") { (try? TestPeer.connect(port: planb.port)) == nil }
    }

    @Test(
        "syslog gets the lines of the access log, with facility local0, level info and PlanB's tag",
        .enabled(if: geteuid() == 0, "/dev is only root's to change"))
    func syslog() async throws {
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        try await redis.command("RPUSH", "frontend:a.test", "id", backends.entry(0))
        let devices = try TemporaryDirectory()
        let reader = try TestProcess(
            "/usr/bin/python3",
            [
                "-c",
                """
                import socket, sys
                log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                log.bind(sys.argv[1])
                print("bound", flush=True)
                while True: print(log.recv(65536).decode(errors="replace").replace("\\n", "|"), flush=True)
                """, devices.file("log"),
            ])
        try await reader.line(containing: "bound")
        let port = try freeLoopbackPort()
        let script = """
            set -e
            mknod -m 666 "$1/null" c 1 3
            mknod -m 666 "$1/urandom" c 1 9
            mount --bind "$1" /dev
            shift
            exec "$@"
            """
        let planb = try TestProcess(
            "/usr/bin/env",
            [
                "unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", devices.path, TestProcess.path(of: "planb"), "--listen",
                "127.0.0.1:\(port)", "--access-log", "syslog", "--read-redis-port", "\(redis.port)", "--write-redis-port", "\(redis.port)",
            ])
        try await planb.line(containing: "planb is ready")
        let client = try TestPeer.connect(port: port)
        try await client.send("GET /seen HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        #expect(try await client.receiveToEnd().hasSuffix("\r\n\r\n0"))
        let line = try await reader.line(containing: "hipache: ")
        // 16 for local0, times 8, plus 6 for info (RFC 5424 §6.2.1).
        #expect(line.hasPrefix("<134>") && line.contains("GET /seen HTTP/1.1") && line.contains("a.test"), "\(line)")
        #expect(await planb.stop() == 0)
        await reader.stop(.kill)
    }
}
