import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import TierProxyPolicy

@Suite("The tier's tokens: remembered, expiring when unused, revoked")
struct TierTokenTests {
    private static let token = TierUnderTest.token
    private static let revoked = TierChange.revoked(backend: "b-1", user: TokenDigest(of: "ann".utf8), sequence: 5)

    @Test("a token is asked for once, and what is none is not asked for again at once")
    func remembered() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            for _ in 0..<3 { #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 ")) }
            for _ in 0..<3 { #expect(try await tier.ask("/\(TierUnderTest.other)/").hasPrefix("HTTP/1.1 410 ")) }
            _ = try await tier.ask("/nothing-like-a-token/")
            #expect(tier.world.fetchCount == 2)
        }
    }

    @Test("with the bus away what is known is served, and what is not is no 410 but to be tried again")
    func away() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            _ = try await tier.exchange("/\(Self.token)/")
            tier.world.goAway()
            #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 "))
            let answer = try await tier.ask("/\(TierUnderTest.other)/")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"))
        }
    }

    @Test("a token that nobody has used for its lifetime is gone; of the use of another the others are told once in a quarter of it")
    func expiry() async throws {
        let grant = TokenGrant(backend: "b-1", lifetime: .seconds(100), sequence: 1)
        try await withTier(grant: grant) { (tier: TierUnderTest) async throws in
            tier.world.put(Self.token, grant, age: .seconds(100))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            tier.world.put(TierUnderTest.other, grant, age: .seconds(30))
            for _ in 0..<3 { _ = try await tier.exchange("/\(TierUnderTest.other)/") }
            #expect(tier.world.useCount == 1)
        }
    }

    @Test("a token in the directory ends when it is not used, and lives on when it is")
    func sliding() async throws {
        let world = FakeWorld()
        let directory = TierDirectory(world)
        let digest = TokenDigest(of: Self.token.utf8)
        let start = NIODeadline.now()
        world.put(Self.token, TokenGrant(backend: "b-1", lifetime: .seconds(100), sequence: 1))
        directory.resolve(digest, at: start) { _ in }
        directory.used(digest, at: start + .seconds(90))
        directory.resolve(digest, at: start + .seconds(180)) { _ in }
        #expect(world.fetchCount == 1)
        directory.resolve(digest, at: start + .seconds(200)) { _ in }
        #expect(world.fetchCount == 2)
    }

    @Test("a revocation ends the tokens of its user that stand before it, and no other, also for whoever asks later")
    func revocation() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            _ = try await tier.exchange("/\(Self.token)/")
            tier.directory.apply(Self.revoked)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            tier.world.put(TierUnderTest.other, TokenGrant(backend: "b-1", user: "ann", sequence: 6))
            #expect(try await tier.exchange("/\(TierUnderTest.other)/").response.hasPrefix("HTTP/1.1 200 "))
            let bob = "bob3456789abcdefghijklmnopqrstuvwxyzABCDE-_"
            tier.world.put(bob, TokenGrant(backend: "b-1", user: "bob", sequence: 4))
            #expect(try await tier.exchange("/\(bob)/").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a stream of tokens that was made anew counts from one, and its first revocation is behind all that was known before")
    func streamMadeAnew() async throws {
        // One of its requests gets no answer within 30 s; why has not been found out.
        await withKnownIssue("a request after the stream was made anew is not answered", isIntermittent: true) {
            try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
                _ = try await tier.exchange("/\(Self.token)/")
                tier.directory.apply(.countsAnew)
                #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 "))
                tier.directory.apply(.revoked(backend: "b-1", user: TokenDigest(of: "ann".utf8), sequence: 1))
                #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            }
        }
    }

    @Test("nothing is remembered of a backend that is no more, and what is remembered is counted")
    func counts() {
        let world = FakeWorld()
        let directory = TierDirectory(world)
        for (token, backend) in [("a", "b-1"), ("b", "b-1"), ("c", "b-2")] {
            world.put(token, TokenGrant(backend: backend, user: "ann", sequence: 6))
            directory.resolve(TokenDigest(of: token.utf8), at: .now()) { _ in }
        }
        directory.apply(Self.revoked)
        #expect(directory.counts == TierDirectory.Counts(tokens: 3, revocations: 1, endedRequests: 0))
        directory.forget(["b-1"])
        #expect(directory.counts == TierDirectory.Counts(tokens: 1, revocations: 0, endedRequests: 0))
    }

    @Test("a revocation ends open WebSockets with 1008, and nothing that comes behind it reaches the backend")
    func webSockets() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", user: "ann", sequence: 4)) { (tier: TierUnderTest) async throws in
            let answering = tier.drone.answerOnce("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            let client = try tier.connect()
            try await client.send(
                "GET /\(Self.token)/ HTTP/1.1\r\nHost: plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            #expect(try await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
            let drone = try await answering.value.peer
            try await drone.send([0x81, 0x02] + Array("hi".utf8))
            #expect(try await client.receive(count: 4) == [0x81, 0x02] + Array("hi".utf8))
            tier.directory.apply(Self.revoked)
            #expect(try await client.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            #expect(try await drone.receiveToEnd() == "")
            #expect(tier.directory.counts.endedRequests == 1)
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
