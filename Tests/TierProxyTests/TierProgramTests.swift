import Foundation
import Glibc
import NATS
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing
import TierProxyPolicy
import VisitorTokens

@Suite("A proxy of the tier on a real nats-server")
struct TierProgramTests {
    private static let token = TierFixture.token
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

    @Test("a token leads to its backend's drone, who the visitor is goes with it, and what changes in the state counts at once")
    func route() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .starting)
            try await tier.put(token: Self.token, backend: "b-1", user: "ann")
            let answering = drone.answerOnce(Self.ok)
            let client = try TestPeer.connect(port: tier.port)
            try await client.send("GET /\(Self.token)/a?b HTTP/1.1\r\nHost: plane.test\r\nConnection: close\r\n\r\n")
            try await eventually("the request is held") { try await tier.metric("proxy_held_requests") == 1 }
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            #expect(try await client.receiveToEnd().hasSuffix("\r\n\r\nok"))
            let request = try await answering.value.request
            #expect(request.hasPrefix("GET /a?b HTTP/1.1\r\n"))
            for line in [
                "X-Plane-Tier-Hop: open b-1 \(TierFixture.secret)", "x-verified-username: ann", #"x-verified-user-data: {"role":"\u00e9"}"#,
                "x-verified-secret: 5ecret", "x-verified-path: /\(Self.token)/a",
            ] {
                #expect(request.contains("\r\n\(line)\r\n"), "\(line)")
            }
            // Until the proxy knows it, a request still goes to the drone, where nobody would answer it.
            drone.stopListening()
            try await tier.put(backend: "b-1", on: "drone-1", .exited)
            try await eventually("the backend is gone") { try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 ") }
        }
    }

    @Test("a drone that has moved is found where it is, and one without a port for the tier is told to be out of reach")
    func drones() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let (before, after) = (try TestBackend(), try TestBackend())
            try await tier.put(drone: "drone-1", innerPort: before.port)
            try await tier.put(drone: "drone-2", innerPort: nil)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            try await tier.put(backend: "b-2", on: "drone-2", .ready)
            try await tier.put(token: Self.token, backend: "b-1")
            try await tier.put(token: TierFixture.other, backend: "b-2")
            #expect(try await tier.ask("/\(TierFixture.other)/").hasPrefix("HTTP/1.1 502 "))
            let first = before.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await first.value
            let second = after.answerOnce(Self.ok)
            before.stopListening()
            try await tier.put(drone: "drone-1", innerPort: after.port)
            try await eventually("the drone is found") { try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 ") }
            _ = try await second.value
        }
    }

    @Test("with NATS away it serves what it knows, says so in a metric, has what it does not know tried again, and goes on when NATS is back")
    func away() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            try await tier.put(token: Self.token, backend: "b-1", user: "ann")
            try await tier.put(token: TierFixture.other, backend: "b-1", user: "bob")
            let sockets = try await tier.openWebSocket(Self.token, to: drone)
            await tier.nats.stop()
            try await eventually("the metric says so") { try await tier.metric("plane_tier_nats_is_connected") == 0 }
            let answering = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
            #expect(try await tier.ask("/ready").hasPrefix("HTTP/1.1 200 "))
            let unknown = try await tier.ask("/\(TierFixture.other)/")
            #expect(unknown.hasPrefix("HTTP/1.1 503 ") && unknown.contains("\r\nRetry-After: 1\r\n"))
            try await sockets.drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await sockets.visitor.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))

            try await tier.nats.startAgain()
            try await eventually("it is connected again") { try await tier.metric("plane_tier_nats_is_connected") == 1 }
            let later = drone.answerOnce(Self.ok)
            try await eventually("the other token is known") { try await tier.ask("/\(TierFixture.other)/").hasPrefix("HTTP/1.1 200 ") }
            _ = try await later.value
            try await eventually("a revocation can be written") {
                (try? await tier.revoke(user: "ann", backend: "b-1")) != nil
            }
            #expect(try await sockets.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
        }
    }

    @Test("a revocation ends an open WebSocket within a second, holds for a proxy that comes later, and not for tokens that come after it")
    func revocation() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            var (token, rounds) = ("", 0)
            // Again and again, until no other program was in the way.
            try await eventually("the WebSocket is ended within a second") {
                rounds += 1
                token = String(format: "%02d", rounds) + Self.token.dropFirst(2)
                try await tier.put(token: token, backend: "b-1", user: "ann")
                let sockets = try await tier.openWebSocket(token, to: drone)
                let start = ContinuousClock.now
                try await tier.revoke(user: "ann", backend: "b-1")
                #expect(try await sockets.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
                return ContinuousClock.now - start < .seconds(1)
            }
            try await eventually("it is counted") { try await tier.metric("plane_tier_ended_requests_total") == Double(rounds) }

            let port = try freeLoopbackPort()
            let late = try TierFixture.start("px-2", in: tier.directory, nats: tier.nats, port: port, metricsPort: try freeLoopbackPort())
            try await late.line(containing: "the state of the fleet is known")
            #expect(try await tier.ask("/\(token)/", port: port).hasPrefix("HTTP/1.1 410 "))
            try await tier.put(token: TierFixture.other, backend: "b-1", user: "ann")
            let answering = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(TierFixture.other)/", port: port).hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
            #expect(await late.stop() == 0)
        }
    }

    @Test("a revocation holds after nats-server was started again and a scheduler has begun its work, for who was there and for a proxy that comes then")
    func revocationKept() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            try await tier.put(token: Self.token, backend: "b-1", user: "ann")
            let sockets = try await tier.openWebSocket(Self.token, to: drone)
            try await tier.revoke(user: "ann", backend: "b-1")
            #expect(try await sockets.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            await tier.nats.stop()
            try await eventually("the metric says so") { try await tier.metric("plane_tier_nats_is_connected") == 0 }
            try await tier.nats.startAgain()
            let scheduler = try TestProcess(TierFixture.program("scheduler"), environment: ["PLANE_NATS__HOSTS": tier.nats.url])
            try await scheduler.line(containing: "scheduler is ready")
            let port = try freeLoopbackPort()
            let late = try TierFixture.start("px-2", in: tier.directory, nats: tier.nats, port: port, metricsPort: try freeLoopbackPort())
            try await late.line(containing: "the state of the fleet is known")
            try await eventually("it is connected again") { try await tier.metric("plane_tier_nats_is_connected") == 1 }
            for port in [tier.port, port] { #expect(try await tier.ask("/\(Self.token)/", port: port).hasPrefix("HTTP/1.1 410 ")) }
            #expect(await late.stop() == 0)
            await scheduler.stop()
        }
    }

    @Test("a signed token opens its backend while NATS is away, and its revocation, told to who asked how much it ended, closes what is open")
    func signed() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            let info = try await tier.connection.jetStream.streamInfo(TokenRecord.stream)
            let now = WireTime.now().seconds
            let claims = TokenClaims(
                cluster: tier.cluster, target: .backend(try #require(BackendID(rawValue: "b-1"))), id: "t-1", user: "ann", issued: now, expires: now + 600,
                generation: TokenGeneration(stream: StreamIdentity(createdAt: info.created).created, sequence: info.lastSequence))
            let key = try #require(TokenSigningKey(TierFixture.signingKey))
            let token = try #require(SignedToken.make(claims, signedWith: key)).exposed
            await tier.nats.stop()
            try await eventually("the metric says so") { try await tier.metric("plane_tier_nats_is_connected") == 0 }
            let sockets = try await tier.openWebSocket(token, to: drone)
            try await tier.nats.startAgain()
            try await eventually("it is connected again") { try await tier.metric("plane_tier_nats_is_connected") == 1 }
            try await eventually("the test is connected again") { tier.connection.isConnected }
            let reports = try tier.connection.subscribe(ProxyRevocationReport.subscription)
            try await tier.connection.flush()
            let sequence = try await tier.revoke(.token(try #require(TokenHash(rawValue: TokenDigest(of: "t-1".utf8).hexadecimal))))
            #expect(try await sockets.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            for await message in reports {
                let report = try WireCodec.decode(ProxyRevocationReport.self, from: message.payload, subject: message.subject)
                #expect(report.proxy.rawValue == "px-1" && report.sequence == sequence && report.ended == 1)
                break
            }
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test(
        "the use of a token is told to the others, who take it after its lifetime then, and its record is left alone; a revocation ends it nevertheless",
        arguments: [TokenRecord.stream, TokenUse.stream])
    func use(stream: String) async throws {
        try await TierFixture.run(keepsUsesApart: stream == TokenUse.stream) { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            let serving = drone.serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            defer { serving.cancel() }
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            let first = try await tier.put(token: Self.token, backend: "b-1", user: "ann", lifetime: 1000, age: 500)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            let jetStream = tier.connection.jetStream
            try await eventually("its use is told") {
                try await jetStream.lastMessage(stream: stream, subject: TierFixture.useSubject(of: Self.token)) != nil
            }
            #expect(try await jetStream.lastMessage(stream: TokenRecord.stream, subject: TierFixture.subject(of: Self.token))?.sequence == first)

            // Of one that was made long ago only the use says that it counts.
            try await tier.put(token: TierFixture.other, backend: "b-1", user: "ann", lifetime: 1000, age: 5000)
            let use = TokenUse(backend: try #require(BackendID(rawValue: "b-1")), cluster: tier.cluster)
            _ = try await jetStream.publish(WireCodec.encode(use), to: TierFixture.useSubject(of: TierFixture.other))
            #expect(try await tier.ask("/\(TierFixture.other)/").hasPrefix("HTTP/1.1 200 "))
            let idle = String(TierFixture.other.reversed())
            try await tier.put(token: idle, backend: "b-1", user: "ann", lifetime: 1000, age: 5000)
            #expect(try await tier.ask("/\(idle)/").hasPrefix("HTTP/1.1 410 "))
            try await tier.revoke(user: "ann", backend: "b-1")
            try await eventually("the revocation counts") { try await tier.ask("/\(TierFixture.other)/").hasPrefix("HTTP/1.1 410 ") }
        }
    }

    @Test("notes of use from before they had a stream of their own count too")
    func formerNotes() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            let serving = drone.serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            defer { serving.cancel() }
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            let jetStream = tier.connection.jetStream
            let use = WireCodec.encode(TokenUse(backend: try #require(BackendID(rawValue: "b-1")), cluster: tier.cluster))
            let newer = String(TierFixture.other.reversed())
            for token in [TierFixture.other, newer, Self.token] { try await tier.put(token: token, backend: "b-1", lifetime: 1000, age: 5000) }
            _ = try await jetStream.publish(use, to: TierFixture.useSubject(of: TierFixture.other))
            try await jetStream.setSubjects(["token.*", "revoked.*.*", "opened.*"], of: TokenRecord.stream)
            _ = try await jetStream.ensureStream(StreamConfiguration(name: TokenUse.stream, subjects: ["used.*"], maxMessagesPerSubject: 1))
            _ = try await jetStream.publish(use, to: TierFixture.useSubject(of: newer))
            #expect(try await tier.ask("/\(TierFixture.other)/").hasPrefix("HTTP/1.1 200 "))
            #expect(try await tier.ask("/\(newer)/").hasPrefix("HTTP/1.1 200 "))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("where the stream is of former schedulers, the use of a token is told as before: its record is written anew, and lifts no revocation")
    func useAsBefore() async throws {
        try await TierFixture.run(knowsUses: false) { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            let first = try await tier.put(token: Self.token, backend: "b-1", user: "ann", lifetime: 1000, age: 500)
            let answering = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
            func record() async throws -> TokenRecord? {
                try await tier.connection.jetStream.lastMessage(stream: TokenRecord.stream, subject: TierFixture.subject(of: Self.token))
                    .map { try WireCodec.decode(TokenRecord.self, from: $0.payload) }
            }
            try await eventually("its use is told") { try await record()?.firstSequence == first }
            #expect(try await record().map { WireTime.now().seconds - $0.issued.seconds < 100 } == true)
            #expect(try await record()?.user == "ann")
        }
    }

    @Test("a token's record that cannot be read is none, and the log says which")
    func unreadable() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let subject = TierFixture.subject(of: Self.token)
            _ = try await tier.connection.jetStream.publish(Array(#"{"backend":["b-1"],"secret":"5ecret"}"#.utf8), to: subject)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            let line = try await tier.proxy.line(containing: "a visitor's token cannot be read and counts as none")
            #expect(line.contains(subject) && !line.contains("5ecret"))
        }
    }

    @Test("it says that it is there, and whether it knows the state")
    func status() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let messages = try tier.connection.subscribe(ProxyStatusMessage.subscription)
            try await tier.connection.flush()
            for await message in messages {
                let status = try WireCodec.decode(ProxyStatusMessage.self, from: message.payload, subject: message.subject)
                #expect(status.proxy.rawValue == "px-1" && status.cluster == tier.cluster && status.isReady)
                break
            }
        }
    }

    @Test("a successor takes over when it knows the state, and open WebSockets go on")
    func succession() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            try await tier.put(token: Self.token, backend: "b-1", user: "ann")
            let sockets = try await tier.openWebSocket(Self.token, to: drone)
            func number(_ mark: String) async throws -> pid_t {
                let line = try await tier.proxy.line(containing: mark)
                let start = try #require(line.range(of: mark)).upperBound
                return try #require(pid_t(line[start...].prefix { $0.isNumber }))
            }
            let process = try await number("number=")
            kill(process, SIGHUP)
            let successor = try await number("successor=")
            defer { kill(successor, SIGTERM) }
            let answering = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
            try await sockets.drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await sockets.visitor.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))
            let reports = try tier.connection.subscribe(ProxyRevocationReport.subscription)
            let statuses = try tier.connection.subscribe(ProxyStatusMessage.subscription)
            try await tier.connection.flush()
            try await tier.revoke(user: "ann", backend: "b-1")
            #expect(try await sockets.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            // The former process reports what it has ended beside its successor, and takes leave when nothing is open there any more.
            var ended: [UInt64: UInt64] = [:]
            for await message in reports {
                let report = try WireCodec.decode(ProxyRevocationReport.self, from: message.payload, subject: message.subject)
                ended[try #require(report.process)] = report.ended
                if ended.count == 2 { break }
            }
            #expect(ended.values.sorted() == [0, 1])
            for await message in statuses {
                let status = try WireCodec.decode(ProxyStatusMessage.self, from: message.payload, subject: message.subject)
                guard status.hasEnded == true else { continue }
                #expect(status.process.flatMap { ended[$0] } == 1 && !status.isReady)
                break
            }
        }
    }

    /// Proxies that this process has started, and that run.
    private static func successors(of process: pid_t) throws -> [pid_t] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { number in
            // One that ends meanwhile has no file any more. The parent is the second field behind the name, which may have anything in it.
            guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8), let name = text.lastIndex(of: ")") else { return false }
            let fields = text[text.index(after: name)...].split(separator: " ")
            return text[...name].hasSuffix("(gateway-proxy)") && fields.count > 1 && fields[0] != "Z" && fields[1] == "\(process)"
        }
    }

    @Test("asked for a successor while NATS is away it goes on and serves what it knows, and ends with it when it is asked to")
    func noSuccessor() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let drone = try TestBackend()
            try await tier.put(drone: "drone-1", innerPort: drone.port)
            try await tier.put(backend: "b-1", on: "drone-1", .ready)
            try await tier.put(token: Self.token, backend: "b-1")
            let first = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await first.value
            let line = try await tier.proxy.line(containing: "number=")
            let process = try #require(pid_t(line.drop { !$0.isNumber }.prefix { $0.isNumber }))
            await tier.nats.stop()
            try await eventually("the metric says so") { try await tier.metric("plane_tier_nats_is_connected") == 0 }
            kill(process, SIGHUP)
            try await tier.proxy.line(containing: "starting a successor")
            var successors: [pid_t] = []
            try await eventually("there is one, which waits") {
                successors = try Self.successors(of: process)
                return successors.count == 1
            }
            let second = drone.answerOnce(Self.ok)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 200 "))
            _ = try await second.value
            // It waits for its successor no longer than it serves.
            let start = ContinuousClock.now
            #expect(await tier.proxy.stop() == 0)
            #expect(ContinuousClock.now - start < .seconds(25))
            #expect(!tier.proxy.log.contains { $0.contains("the successor did not get ready") })
            try await eventually("the successor has ended too") { successors.allSatisfy { kill($0, 0) != 0 } }
        }
    }
}
