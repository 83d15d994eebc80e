import Crypto
package import PlaneProtocol
import TextEncodings

/// A public key by which signed tokens are known: Ed25519 (RFC 8032), written as its 32 bytes in base64url.
package struct TokenPublicKey: Sendable {
    package static let expectation = "a public key of Ed25519: 32 bytes in base64url, 43 characters, as gateway tells at its start"

    package let text: String
    /// The thumbprint of the key (RFC 7638), by which a token says which one it is signed with.
    package let id: String
    let key: Curve25519.Signing.PublicKey

    /// Nil for what is no key.
    package init?(text: String) {
        guard text.utf8.count == 43, let bytes = Base64URL.decode(text.utf8), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { return nil }
        self.init(key)
    }

    init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
        self.text = Base64URL.encode(key.rawRepresentation)
        self.id = Base64URL.encode(SHA256.hash(data: Array("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"\(self.text)\"}".utf8)))
    }
}

/// The private key with which a gateway signs tokens: the seed of Ed25519, 32 random bytes in base64url.
package struct TokenSigningKey: Sendable {
    package static let expectation = "32 random bytes in base64url, 43 characters, as from openssl rand 32 | basenc --base64url | tr -d ="

    package let publicKey: TokenPublicKey
    let key: Curve25519.Signing.PrivateKey

    /// Nil for what is no key.
    package init?(_ secret: Secret) {
        guard secret.exposed.utf8.count == 43, let bytes = Base64URL.decode(secret.exposed.utf8),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
        else { return nil }
        self.key = key
        self.publicKey = TokenPublicKey(key.publicKey)
    }
}
