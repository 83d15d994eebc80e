import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import TierProxyPolicy

@Suite("The tier's tokens: remembered, expiring when unused, revoked")
struct TierTokenTests {
    private static let token = TierUnderTest.token
    private static let ann = TokenDigest(of: "ann".utf8)
    private static let revoked = TierChange.revoked(TierRevocation(.visitor(Self.ann, of: "b-1"), sequence: 5))

    @Test("a token is asked for once, and what is none is not asked for again at once")
    func remembered() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            for _ in 0..<3 { #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 ")) }
            for _ in 0..<3 { #expect(try await tier.ask("/\(TierUnderTest.other)/").hasPrefix("HTTP/1.1 410 ")) }
            _ = try await tier.ask("/nothing-like-a-token/")
            #expect(tier.fleet.fetchCount == 2)
        }
    }

    @Test("with the bus away what is known is served, and what is not is no 410 but to be tried again")
    func away() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            _ = try await tier.exchange("/\(Self.token)/")
            tier.fleet.goAway()
            #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 "))
            let answer = try await tier.ask("/\(TierUnderTest.other)/")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"))
        }
    }

    @Test("with the bus away, and before all is known, a known backend has paths of its own by its name, also those that look like tokens")
    func awayByName() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.goAway()
            let like = "eyJh.\(String(repeating: "a", count: 60)).\(String(repeating: "b", count: 86))"
            for (path, isCurrent) in [(TierUnderTest.other, true), (TierUnderTest.other, false), (like, true), (like, false)] {
                tier.fleet.setCurrent(isCurrent)
                let (request, response) = try await tier.exchange("/\(path)/app.js", host: "b-1.plane.test")
                #expect(request.hasPrefix("GET /\(path)/app.js HTTP/1.1\r\n") && response.hasPrefix("HTTP/1.1 200 "), "\(path)")
            }
            // Which backends there are is not known yet, and such a host may be one's.
            #expect(try await tier.ask("/\(like)/", host: "b-9.plane.test").hasPrefix("HTTP/1.1 503 "))
        }
    }

    @Test("a token that nobody has used for its lifetime is gone; of the use of another the others are told once in a quarter of it")
    func expiry() async throws {
        let grant = TokenGrant(backend: "b-1", lifetime: .seconds(100), sequence: 1)
        try await withTier(grant: grant) { (tier: TierUnderTest) async throws in
            tier.fleet.put(Self.token, grant, age: .seconds(100))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            tier.fleet.put(TierUnderTest.other, grant, age: .seconds(30))
            for _ in 0..<3 { _ = try await tier.exchange("/\(TierUnderTest.other)/") }
            #expect(tier.fleet.useCount == 1)
            // Last used before this machine was started, of which there is no instant.
            let day = TimeAmount.hours(24)
            let lifetime = TimeAmount.nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) + day
            let old = "old3456789abcdefghijklmnopqrstuvwxyzABCDE-_"
            tier.fleet.put(old, TokenGrant(backend: "b-1", lifetime: lifetime, sequence: 1), age: lifetime + day)
            #expect(try await tier.ask("/\(old)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("a token in the directory ends when it is not used, and lives on when it is")
    func sliding() async throws {
        let fleet = FakeFleet()
        let directory = TierDirectory(fleet)
        let digest = TokenDigest(of: Self.token.utf8)
        let start = NIODeadline.now()
        fleet.put(Self.token, TokenGrant(backend: "b-1", lifetime: .seconds(100), sequence: 1))
        directory.resolve(digest, at: start) { _ in }
        directory.used(digest, at: start + .seconds(90))
        directory.resolve(digest, at: start + .seconds(180)) { _ in }
        #expect(fleet.fetchCount == 1)
        directory.resolve(digest, at: start + .seconds(200)) { _ in }
        #expect(fleet.fetchCount == 2)
    }

    @Test("a revocation ends the tokens of its user that stand before it, and no other, also for whoever asks later")
    func revocation() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            _ = try await tier.exchange("/\(Self.token)/")
            tier.directory.apply(Self.revoked)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-1", user: "ann", sequence: 6))
            #expect(try await tier.exchange("/\(TierUnderTest.other)/").response.hasPrefix("HTTP/1.1 200 "))
            let bob = "bob3456789abcdefghijklmnopqrstuvwxyzABCDE-_"
            tier.fleet.put(bob, TokenGrant(backend: "b-1", user: "bob", sequence: 4))
            #expect(try await tier.exchange("/\(bob)/").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a stream of tokens that was made anew counts from one, and its first revocation is behind all that was known before")
    func streamMadeAnew() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            _ = try await tier.exchange("/\(Self.token)/")
            tier.fleet.forgetTokens()
            #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 "))
            tier.directory.apply(.revoked(TierRevocation(.visitor(Self.ann, of: "b-1"), stream: 2, sequence: 1)))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("what was read of the former stream, and comes when the new one has revoked it, opens nothing")
    func readTooEarly() {
        let fleet = FakeFleet()
        let directory = TierDirectory(fleet)
        fleet.put(Self.token, TokenGrant(backend: "b-1", user: "ann", sequence: 4))
        directory.apply(.revoked(TierRevocation(.visitor(Self.ann, of: "b-1"), stream: 2, sequence: 1)))
        let answers = Recorder<Bool>()
        directory.resolve(TokenDigest(of: Self.token.utf8), at: .now()) { answer in
            if case .none = answer { answers.record(true) } else { answers.record(false) }
        }
        #expect(answers.all == [true])
    }

    @Test("a revocation of the former stream holds when that is no more, for tokens that were made before it")
    func formerRevocation() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            tier.directory.apply(Self.revoked)
            tier.directory.apply(.revoked(TierRevocation(.visitor(Self.ann, of: "b-2"), stream: 2, sequence: 1)))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-1", user: "ann", stream: 2, sequence: 2))
            #expect(try await tier.exchange("/\(TierUnderTest.other)/").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test(
        "a revocation of a token, a user or a backend ends what is open and what comes, says how many, and leaves others alone",
        arguments: [TierRevocation.Scope.token(TokenDigest(of: Self.token.utf8)), .user(Self.ann), .backend("b-1"), .visitor(Self.ann, of: "b-1")])
    func scopes(scope: TierRevocation.Scope) async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            tier.fleet.set("b-2", .ready(try tier.drone.socketAddress()))
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-2", user: "bob", sequence: 4))
            let (opened, other) = (try await tier.openWebSocket(Self.token), try await tier.openWebSocket(TierUnderTest.other))
            let counts = Recorder<Int>()
            tier.directory.apply(.revoked(TierRevocation(scope, sequence: 5))) { counts.record($0) }
            #expect(try await opened.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            try await eventually("it is told how many") { counts.all == [1] }
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            try await other.drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await other.visitor.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))
        }
    }

    @Test("a static token ends with all tokens of its backend, and not with those of a user")
    func staticRevoked() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.put(TierUnderTest.fixed, TokenGrant(backend: "b-1", user: "ann", isStatic: true, sequence: 4))
            tier.directory.apply(.revoked(TierRevocation(.user(Self.ann), sequence: 5)))
            #expect(try await tier.exchange("/\(TierUnderTest.fixed)/").response.hasPrefix("HTTP/1.1 200 "))
            tier.directory.apply(.revoked(TierRevocation(.backend("b-1"), sequence: 6)))
            #expect(try await tier.ask("/\(TierUnderTest.fixed)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("a token with an end is gone then, and so is the WebSocket that is open with it, and no other")
    func end() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            // Long enough for the WebSocket to be open before on a busy machine.
            let end = NIODeadline.now() + .seconds(5)
            tier.fleet.put(Self.token, TokenGrant(backend: "b-1", lifetime: .hours(1), expires: end, sequence: 1))
            let now = NIODeadline.now()
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-1", lifetime: .hours(1), expires: now + .hours(1), sequence: 2))
            let (opened, other) = (try await tier.openWebSocket(Self.token), try await tier.openWebSocket(TierUnderTest.other))
            #expect(try await opened.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            #expect(NIODeadline.now() >= end)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            try await eventually("it is counted") { tier.directory.counts.expiredRequests == 1 }
            try await other.drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await other.visitor.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))
        }
    }

    @Test("a token that is known sooner than its backend waits for it; an old one does not")
    func youngToken() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-2", sequence: 2))
            let client = try tier.connect()
            try await client.send("GET /\(TierUnderTest.other)/ HTTP/1.1\r\nHost: plane.test\r\n\r\n")
            try await eventually("the token was looked up") { tier.fleet.fetchCount == 1 }
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            tier.set("b-2", .ready(try tier.drone.socketAddress()))
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
            tier.fleet.put(Self.token, TokenGrant(backend: "b-3", sequence: 2), age: .seconds(60))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("nothing is remembered of a backend that is no more, and what is remembered is counted")
    func counts() {
        let fleet = FakeFleet()
        let directory = TierDirectory(fleet)
        for (token, backend) in [("a", "b-1"), ("b", "b-1"), ("c", "b-2")] {
            fleet.put(token, TokenGrant(backend: backend, user: "ann", sequence: 6))
            directory.resolve(TokenDigest(of: token.utf8), at: .now()) { _ in }
        }
        directory.apply(Self.revoked)
        #expect(directory.counts == TierDirectory.Counts(tokens: 3, revocations: 1))
        directory.forget(["b-1"])
        #expect(directory.counts == TierDirectory.Counts(tokens: 1, revocations: 0))
    }

    @Test("a revocation ends open WebSockets with 1008, and nothing that comes behind it reaches the backend")
    func webSockets() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            let (client, drone) = try await tier.openWebSocket(Self.token)
            try await drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await client.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))
            tier.directory.apply(Self.revoked)
            #expect(try await client.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            #expect(try await drone.receiveToEnd() == "")
            try await eventually("it is counted") { tier.directory.counts.endedRequests == 1 }
        }
    }

    @Test("a revocation cuts streams that are open, in a way that nobody takes for their end")
    func streams() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            let client = try tier.connect()
            try await client.send("GET /\(Self.token)/events HTTP/1.1\r\nHost: plane.test\r\n\r\n")
            _ = try await client.receive(until: "one\r\n")
            let drone = try await answering.value.peer
            tier.directory.apply(Self.revoked)
            await #expect(throws: (any Error).self) { try await client.receiveToEnd() }
            #expect(try await drone.receiveToEnd() == "")
        }
    }

    @Test("a digest is the same by its text and by its digits, and nothing else is one", arguments: ["", "zz", String(repeating: "0", count: 63)])
    func digests(text: String) {
        let digest = TokenDigest(of: "abc".utf8)
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(TokenDigest(hexadecimal: digest.hexadecimal) == digest)
        #expect(TokenDigest(hexadecimal: text) == nil)
    }
}
