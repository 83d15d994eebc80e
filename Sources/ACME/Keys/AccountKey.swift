import Crypto
import CryptoExtras
package import Foundation

/// The key of an account at an authority: whoever has it may order and revoke certificates in the account's name.
package struct AccountKey: Sendable, CustomStringConvertible {
    private enum Key: Sendable {
        case p256(P256.Signing.PrivateKey)
        /// For existing accounts only; new keys are never RSA.
        case rsa(_RSA.Signing.PrivateKey)
    }

    private let key: Key

    /// A new key on P-256.
    package init() {
        self.key = .p256(P256.Signing.PrivateKey())
    }

    /// Parses an EC key on P-256, or an RSA key of at least 2048 bits, as PKCS#8, SEC 1 or PKCS#1.
    package init(pem: String) throws(ACMEError) {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self.key = .p256(key)
            return
        }
        do {
            self.key = .rsa(try _RSA.Signing.PrivateKey(pemRepresentation: pem))
        } catch {
            throw ACMEError(
                .invalidInput, "read the account key", hint: "expected a PEM file with a P-256 key or an RSA key of 2048 bits or more")
        }
    }

    /// In PKCS#8. A secret.
    package var pem: String {
        switch self.key {
        case .p256(let key): key.pemRepresentation
        case .rsa(let key): key.pkcs8PEMRepresentation
        }
    }

    package var description: String { "account key <redacted>" }

    /// The algorithm's name in JWS (RFC 7518 §3.1).
    var algorithm: String {
        switch self.key {
        case .p256: "ES256"
        case .rsa: "RS256"
        }
    }

    package func publicKey() throws(ACMEError) -> JSONWebKey {
        switch self.key {
        case .p256(let key):
            let raw = Array(key.publicKey.rawRepresentation)
            return .p256(x: Array(raw.prefix(32)), y: Array(raw.suffix(32)))
        case .rsa(let key):
            do {
                let primitives = try key.publicKey.getKeyPrimitives()
                return .rsa(modulus: Array(primitives.modulus), exponent: Array(primitives.publicExponent))
            } catch {
                throw ACMEError(.invalidInput, "take the public part of the account key", cause: error)
            }
        }
    }

    /// The signature in the form of JWS: r and s one after the other, or PKCS#1 v1.5.
    package func sign(_ message: Data) throws(ACMEError) -> Data {
        do {
            switch self.key {
            case .p256(let key): return try key.signature(for: message).rawRepresentation
            case .rsa(let key): return try key.signature(for: message, padding: .insecurePKCS1v1_5).rawRepresentation
            }
        } catch {
            throw ACMEError(.invalidInput, "sign with the account key", cause: error)
        }
    }
}
