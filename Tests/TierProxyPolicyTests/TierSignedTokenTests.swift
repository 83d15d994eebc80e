import Foundation
import JSONValues
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing
import VisitorTokens

@testable import TierProxyPolicy

#if canImport(Glibc)
import Glibc
#endif

@Suite("The tier's signed tokens: verified here, revoked as others are, at their end cut off")
struct TierSignedTokenTests {
    private static let key = TokenSigningKey("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    private static let lock = BackendKey(namespace: "games", name: "room-7")?.lock

    private static func now() -> Int64 { Int64(time(nil)) }

    private static func token(_ change: (inout TokenClaims) -> Void = { _ in }) throws -> String {
        var claims = TokenClaims(
            cluster: try #require(ClusterName(rawValue: "plane.test")), target: .backend(try #require(BackendID(rawValue: "b-1"))), id: "t-1",
            user: "Zoë", auth: .object(["role": .string("é")]), issued: self.now() - 60, expires: self.now() + 600,
            generation: TokenGeneration(stream: 1, sequence: 4))
        change(&claims)
        let key = try #require(self.key)
        return try #require(SignedToken.make(claims, signedWith: key)).exposed
    }

    private func withTier(_ body: (TierUnderTest) async throws -> Void) async throws {
        let key = try #require(Self.key).publicKey
        try await TierProxyPolicyTests.withTier {
            $0.tokenKeys = [key]
        } _: {
            try await body($0)
        }
    }

    @Test("the access log has no token of any kind, and what stands behind it; what is none is told", arguments: [false, true])
    func accessLog(servesOther: Bool) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("access.log")
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: path))
        let tokens = [TierUnderTest.other, TierUnderTest.fixed, try Self.token()]
        let name = "nothing-like-a-token"
        try await TierProxyPolicyTests.withTier(servesOther: servesOther) {
            $0.accessLog = AccessLog(format: .common, descriptor: file.fileDescriptor)
        } _: { tier in
            for first in tokens + [name] { _ = try await tier.ask("/\(first)/a?b") }
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.split(separator: "\n").count { $0.contains("\"GET /[token]/a HTTP/1.1\" 410 ") } == tokens.count, "\(text)")
        #expect(text.contains("\"GET /\(name)/a HTTP/1.1\" 410 "))
        for token in tokens { #expect(!text.contains(token)) }
    }

    @Test("it opens its backend without a question to anybody, bus or no bus, and says who the visitor is; a secret it has none")
    func offline() async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            tier.fleet.goAway()
            let token = try Self.token()
            let (request, response) = try await tier.exchange("/\(token)/a?b")
            #expect(request.hasPrefix("GET /a?b HTTP/1.1\r\n") && response.contains("\r\nX-Plane-Backend-Id: b-1\r\n"))
            for line in [
                "x-verified-username: Zoë", #"x-verified-user-data: {"role":"\u00e9"}"#, "x-verified-backend: b-1", "x-verified-secret: ",
                "x-verified-path: /\(token)/a",
            ] { #expect(request.contains("\r\n\(line)\r\n"), "\(line)") }
            #expect(tier.fleet.fetchCount == 0)
        }
    }

    @Test("one that is not in order is gone, and costs no question either")
    func refused() async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            let token = try Self.token()
            for other in [
                try Self.token { $0.expires = Self.now() - 31 }, try Self.token { $0.cluster = ClusterName(rawValue: "other.test")! },
                token.dropLast() + "!", "x" + token, try Self.token { $0.target = .backend(BackendID(rawValue: "b-9")!) },
            ] as [String] {
                #expect(try await tier.ask("/\(other)/").hasPrefix("HTTP/1.1 410 "))
            }
            #expect(tier.fleet.fetchCount == 0)
            tier.fleet.setCurrent(false)
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 503 "), "whether it is revoked is not known yet")
        }
        try await TierProxyPolicyTests.withTier { (tier: TierUnderTest) async throws in
            #expect(try await tier.ask("/\(try Self.token())/").hasPrefix("HTTP/1.1 410 "), "no key was given")
        }
    }

    @Test(
        "a revocation ends what it means and was made before, whatever names it",
        arguments: [
            TierRevocation.Scope.token(TokenDigest(of: "t-1".utf8)), .user(TokenDigest(of: "Zoë".utf8)), .backend("b-1"),
            .visitor(TokenDigest(of: "Zoë".utf8), of: "b-1"),
        ])
    func revoked(scope: TierRevocation.Scope) async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            let token = try Self.token()
            let opened = try await tier.openWebSocket(token)
            tier.directory.apply(.revoked(TierRevocation(scope, sequence: 5)))
            #expect(try await opened.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 410 "))
            let later = try Self.token {
                $0.id = "t-2"; $0.generation = TokenGeneration(stream: 1, sequence: 5)
            }
            #expect(try await tier.exchange("/\(later)/").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("one of somebody who does not know the stream is revoked by the clock")
    func byClock() async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            tier.directory.apply(.revoked(TierRevocation(.user(TokenDigest(of: "Zoë".utf8)), sequence: 5, time: Self.now() - 30)))
            #expect(try await tier.ask("/\(try Self.token { $0.generation = nil })/").hasPrefix("HTTP/1.1 410 "))
            let later = try Self.token {
                $0.generation = nil; $0.issued = Self.now() - 20
            }
            #expect(try await tier.exchange("/\(later)/").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("one for a key leads to whichever backend holds it, and is revoked by the key")
    func key() async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            let lock = try #require(Self.lock)
            let token = try Self.token { $0.target = .key(BackendKey(namespace: "games", name: "room-7")!) }
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 410 "), "nobody holds the key")
            tier.fleet.setHolder(of: lock, "b-1")
            #expect(try await tier.exchange("/\(token)/").response.contains("\r\nX-Plane-Backend-Id: b-1\r\n"))
            tier.fleet.setHolder(of: lock, "b-2")
            tier.set("b-1", .ended)
            tier.set("b-2", .ready(try tier.drone.socketAddress()))
            #expect(try await tier.exchange("/\(token)/").response.contains("\r\nX-Plane-Backend-Id: b-2\r\n"))
            tier.directory.apply(.revoked(TierRevocation(.key(TokenDigest(of: lock.rawValue.utf8)), sequence: 5)))
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("at its end the WebSocket that is open with it is closed")
    func end() async throws {
        try await self.withTier { (tier: TierUnderTest) async throws in
            // Half a minute is left to clocks that are behind.
            let token = try Self.token { $0.expires = Self.now() - 24 }
            let opened = try await tier.openWebSocket(token)
            #expect(try await opened.visitor.receive(count: 4) == [0x88, 0x02, 0x03, 0xF0])
            #expect(try await tier.ask("/\(token)/").hasPrefix("HTTP/1.1 410 "))
        }
    }
}
