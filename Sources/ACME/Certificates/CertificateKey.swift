import Crypto
import CryptoExtras
import Dispatch
package import X509

/// The private key of a certificate.
package struct CertificateKey: Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// ECDSA on P-256.
        case p256
        /// Making such a key takes seconds.
        case rsa4096
    }

    package let privateKey: Certificate.PrivateKey
    /// In PKCS#8. A secret.
    package let pem: String

    package var description: String { "certificate key <redacted>" }

    /// Makes a key on a thread of its own, since that may take long.
    package static func generate(_ kind: Kind) async throws(ACMEError) -> CertificateKey {
        let made = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Result { try Self.make(kind) }) }
        }
        do {
            return try made.get()
        } catch {
            throw ACMEError(.invalidInput, "make a \(kind) key", cause: error)
        }
    }

    private static func make(_ kind: Kind) throws -> CertificateKey {
        switch kind {
        case .p256:
            let key = P256.Signing.PrivateKey()
            return CertificateKey(privateKey: Certificate.PrivateKey(key), pem: key.pemRepresentation)
        case .rsa4096:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits4096)
            return CertificateKey(privateKey: Certificate.PrivateKey(key), pem: key.pkcs8PEMRepresentation)
        }
    }
}

extension CertificateKey {
    package init(pem: String) throws(ACMEError) {
        do {
            self.init(privateKey: try Certificate.PrivateKey(pemEncoded: pem), pem: pem)
        } catch {
            // The cause is left out, because it may contain a part of the key.
            throw ACMEError(.invalidInput, "read the certificate's key", hint: "expected a PEM file with one private key")
        }
    }
}
