import Crypto
import JSONValues
import PlaneProtocol
import Testing

import TextEncodings
@testable import VisitorTokens

@Suite("Signed tokens: verified without asking anybody")
struct SignedTokenTests {
    private static let now: Int64 = 1_800_000_000

    private static func key(_ byte: UInt8) throws -> TokenSigningKey {
        try #require(TokenSigningKey(Secret(Base64URL.encode([UInt8](repeating: byte, count: 32)))))
    }

    private static func claims(_ change: (inout TokenClaims) -> Void = { _ in }) throws -> TokenClaims {
        var claims = TokenClaims(
            cluster: try self.cluster, target: .backend(try #require(BackendID(rawValue: "b-1"))), id: "t-1", user: "Zoë",
            auth: .object(["role": .string("editor")]), issued: self.now, expires: self.now + 600,
            generation: TokenGeneration(stream: 1_790_000_000_000, sequence: 7))
        change(&claims)
        return claims
    }

    private static var cluster: ClusterName { get throws { try #require(ClusterName(rawValue: "plane.test")) } }

    private static func token(_ key: UInt8 = 1, _ change: (inout TokenClaims) -> Void = { _ in }) throws -> [UInt8] {
        let (claims, key) = (try self.claims(change), try self.key(key))
        return Array(try #require(SignedToken.make(claims, signedWith: key)).exposed.utf8)
    }

    private static func verify(_ token: [UInt8], _ keys: [UInt8] = [1], at now: Int64 = Self.now) -> Result<TokenClaims, SignedToken.Refusal> {
        Result { () throws(SignedToken.Refusal) in
            guard let cluster = try? self.cluster, let keys = try? keys.map({ try self.key($0).publicKey }) else { throw .malformed }
            return try SignedToken.verify(token, with: keys, for: cluster, at: now)
        }
    }

    @Test("what it says comes back, whatever is in it")
    func claims() throws {
        for change in [
            { _ in }, { $0.target = .key(BackendKey(namespace: "games", name: "room \"7\"\u{0}".replacing("\u{0}", with: ""))!) }, { $0.user = nil },
            { $0.auth = nil }, { $0.subdomain = Subdomain(rawValue: "app") }, { $0.notBefore = Self.now }, { $0.generation = nil },
        ] as [(inout TokenClaims) -> Void] {
            #expect(Self.verify(try Self.token(1, change)) == .success(try Self.claims(change)))
        }
    }

    @Test("two keys count while one takes the place of the other, and none that was not given")
    func rotation() throws {
        #expect(try Self.verify(Self.token(1), [2, 1]).get().id == "t-1")
        #expect(try Self.verify(Self.token(2), [2, 1]).get().id == "t-1")
        #expect(Self.verify(try Self.token(1), [2]) == .failure(.unknownKey))
        #expect(Self.verify(try Self.token(1), []) == .failure(.unknownKey))
    }

    @Test(
        "it counts from its time to its end, and clocks may differ by half a minute",
        arguments: [
            (Self.now, nil), (Self.now - 30, nil), (Self.now - 31, .notYetValid), (Self.now + 629, nil), (Self.now + 630, .expired),
        ] as [(Int64, SignedToken.Refusal?)])
    func times(now: Int64, refusal: SignedToken.Refusal?) throws {
        let result = Self.verify(try Self.token(), at: now)
        if let refusal { #expect(result == .failure(refusal)) } else { #expect(try result.get().user == "Zoë") }
    }

    @Test("one that begins later, lasts longer than revocations are kept, or is for another cluster is refused")
    func limits() throws {
        #expect(Self.verify(try Self.token { $0.notBefore = Self.now + 31 }) == .failure(.notYetValid))
        #expect(Self.verify(try Self.token { $0.expires = Self.now + TokenClaims.longestLifetime + 31 }) == .failure(.tooLongLived))
        #expect(Self.verify(try Self.token { $0.expires = .max }) == .failure(.malformed))
        #expect(Self.verify(try Self.token { $0.issued = .min }) == .failure(.malformed))
        #expect(Self.verify(try Self.token { $0.cluster = ClusterName(rawValue: "other.test")! }) == .failure(.ofAnotherCluster))
    }

    @Test("a token of which any character is another, or missing, opens nothing")
    func changed() throws {
        let token = try Self.token()
        for index in token.indices {
            var other = token
            other[index] = other[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: SignedToken.Refusal.self) { try Self.verify(other).get() }
            other = token
            other.remove(at: index)
            #expect(throws: SignedToken.Refusal.self) { try Self.verify(other).get() }
        }
        #expect(throws: SignedToken.Refusal.self) { try Self.verify(token + [UInt8(ascii: ".")]).get() }
        #expect(throws: SignedToken.Refusal.self) { try Self.verify([UInt8](repeating: UInt8(ascii: "A"), count: 100_000)).get() }
    }

    @Test(
        "there is one algorithm, whatever a header says, and no key but those that were given",
        arguments: [
            #"{"alg":"none","kid":"KID"}"#, #"{"alg":"HS256","kid":"KID"}"#, #"{"kid":"KID"}"#, #"{"alg":"EdDSA"}"#,
            #"{"alg":"EdDSA","kid":"KID","jwk":{}}"#, #"{"alg":"EdDSA","kid":"KID","crit":["exp"]}"#, #"{"alg":"EdDSA","kid":"KID","typ":"JWE"}"#,
            #"{"alg":"EdDSA","alg":"none","kid":"KID"}"#, "[]", "",
        ])
    func headers(header: String) throws {
        let key = try Self.key(1)
        let payload = Base64URL.encode(WireCodec.encode(try Self.claims()))
        func token(_ header: String) throws -> [UInt8] {
            let signed = Base64URL.encode(header.replacing("KID", with: key.publicKey.id).utf8) + "." + payload
            return Array((signed + "." + Base64URL.encode(try key.key.signature(for: Array(signed.utf8)))).utf8)
        }
        #expect(try Self.verify(token(#"{"kid":"KID","alg":"EdDSA"}"#)).get().id == "t-1")
        #expect(throws: SignedToken.Refusal.self) { try Self.verify(try token(header)).get() }
    }

    @Test("a key is known by its thumbprint, as RFC 8037 shows it in its appendix")
    func thumbprint() throws {
        let key = try #require(TokenSigningKey(Secret("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
        #expect(key.publicKey.text == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        #expect(key.publicKey.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        #expect(TokenPublicKey(text: key.publicKey.text)?.id == key.publicKey.id)
    }

    @Test("what is no key is refused", arguments: ["", "short", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2B", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"])
    func noKey(text: String) {
        #expect(TokenSigningKey(Secret(text)) == nil)
    }

    @Test("one that would be longer than a proxy takes is not made")
    func tooLong() throws {
        #expect(SignedToken.make(try Self.claims { $0.user = String(repeating: "x", count: 7000) }, signedWith: try Self.key(1)) == nil)
    }

    @Test("the id of a token can be read by whoever is to revoke it")
    func id() throws {
        #expect(SignedToken.id(of: String(decoding: try Self.token(), as: UTF8.self)) == "t-1")
        #expect(SignedToken.id(of: "a.b.c") == nil)
    }

    @Test("what was made later in a stream, or in a later stream, is behind")
    func generations() {
        let order = [
            TokenGeneration(stream: 1, sequence: 9), TokenGeneration(stream: 2, sequence: 1), TokenGeneration(stream: 2, sequence: 2),
            TokenGeneration(stream: 2, copy: 1, sequence: 1), TokenGeneration(stream: 3, sequence: 1),
        ]
        for (left, right) in zip(order, order.dropFirst()) { #expect(left < right) }
    }
}
