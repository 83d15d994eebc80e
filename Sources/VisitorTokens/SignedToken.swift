import Crypto
package import PlaneProtocol
import TextEncodings

/// A token that any proxy verifies with a public key, without asking anybody: a JSON Web Signature in its compact form (RFC 7515 §7.1) with EdDSA
/// over Ed25519 (RFC 8037 §3.1), whose payload is a set of claims (RFC 7519).
///
/// JWT, because an application can read and make one in every language. What has gone wrong with it elsewhere is left out: there is one algorithm,
/// whatever a header says; keys come from the configuration and nowhere else; a header with anything but the three fields that are known is refused.
package enum SignedToken {
    /// Bytes of the whole token, which stands in a path, and in a field behind the tier.
    package static let longest = 8192
    /// Whether two clocks agree by this many seconds.
    package static let clockTolerance: Int64 = 30

    private static let algorithm = "EdDSA"
    private static let signatureBytes = 64

    /// Why a token opens nothing.
    package enum Refusal: Error, Hashable, Sendable {
        case malformed
        case unknownKey
        case wrongSignature
        case ofAnotherCluster
        case notYetValid
        case expired
        /// It would outlive its revocation.
        case tooLongLived
    }

    private struct Header: JSONCodable {
        let key: String

        init(key: String) { self.key = key }

        init(json: JSONNode) throws(MessageError) {
            for (name, _) in try json.members() where !["alg", "kid", "typ"].contains(name) {
                throw MessageError(path: [.key(name)], expected: "no other field", found: "one")
            }
            guard let algorithm = try json.member("alg"), try algorithm.isText(SignedToken.algorithm) else {
                throw MessageError(path: [.key("alg")], expected: SignedToken.algorithm, found: "another algorithm")
            }
            if let type = try json.member("typ"), try !type.isText("JWT") {
                throw MessageError(path: [.key("typ")], expected: "JWT", found: "another type")
            }
            self.key = try json.required("kid")
        }

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("alg", SignedToken.algorithm)
                $0.field("kid", self.key)
                $0.field("typ", "JWT")
            }
        }
    }

    // MARK: Making

    /// Nil where what it says makes it longer than ``longest``.
    package static func make(_ claims: TokenClaims, signedWith key: TokenSigningKey) -> Secret? {
        let signed = Base64URL.encode(WireCodec.encode(Header(key: key.publicKey.id))) + "." + Base64URL.encode(WireCodec.encode(claims))
        guard let signature = try? key.key.signature(for: Array(signed.utf8)) else { return nil }
        let text = signed + "." + Base64URL.encode(signature)
        return text.utf8.count <= self.longest ? Secret(text) : nil
    }

    // MARK: Verifying

    /// - Parameters:
    ///   - keys: Several are valid while one takes the place of another.
    ///   - now: Seconds since 1970.
    package static func verify(
        _ token: [UInt8], with keys: [TokenPublicKey], for cluster: ClusterName, at now: Int64
    ) throws(Refusal) -> TokenClaims {
        guard token.count <= self.longest else { throw .malformed }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let head = try? WireCodec.decode(Header.self, from: header),
            let signature = Base64URL.decode(parts[2]), signature.count == self.signatureBytes
        else { throw .malformed }
        guard let key = keys.first(where: { $0.id == head.key }) else { throw .unknownKey }
        guard key.key.isValidSignature(signature, for: Array(token[..<parts[1].endIndex])) else { throw .wrongSignature }
        // From here on everything is as a holder of the key wrote it.
        guard let payload = Base64URL.decode(parts[1]), let claims = try? WireCodec.decode(TokenClaims.self, from: payload) else { throw .malformed }
        guard claims.cluster == cluster else { throw .ofAnotherCluster }
        // Sums stay far from the limits of an integer for every time of this era.
        let times = [claims.issued, claims.expires, claims.notBefore ?? 0]
        guard times.allSatisfy({ (0...(1 << 40)).contains($0) }) else { throw .malformed }
        guard claims.expires + self.clockTolerance > now else { throw .expired }
        guard max(claims.issued, claims.notBefore ?? 0) - self.clockTolerance <= now else { throw .notYetValid }
        guard claims.expires - now <= TokenClaims.longestLifetime + self.clockTolerance else { throw .tooLongLived }
        return claims
    }

    /// The id of a token, without a look at whether it counts: for those who are asked to revoke it.
    package static func id(of token: some StringProtocol) -> String? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, token.utf8.count <= self.longest, let payload = Base64URL.decode(parts[1]) else { return nil }
        return (try? WireCodec.decode(TokenClaims.self, from: payload))?.id
    }
}
