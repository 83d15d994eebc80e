import CryptoExtras
import SwiftASN1
import TextEncodings
import X509

/// The request that the authority signs (RFC 8555 §7.4). It contains the names only as alternative names, because a common name has at most 64 bytes.
enum SigningRequest {
    /// The request in DER, as base64url.
    static func make(names: [String], key: CertificateKey) throws(ACMEError) -> String {
        do {
            let extensions = try Certificate.Extensions {
                SubjectAlternativeNames(names.map { .dnsName($0) })
            }
            let request = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName(), privateKey: key.privateKey,
                attributes: .init([.init(ExtensionRequest(extensions: extensions))]),
                signatureAlgorithm: key.privateKey.publicKey.signingRequestAlgorithm)
            var serializer = DER.Serializer()
            try serializer.serialize(request)
            return Base64URL.encode(serializer.serializedBytes)
        } catch {
            throw ACMEError(.invalidInput, "make a signing request for \(names.joined(separator: ", "))", cause: error)
        }
    }
}

extension Certificate.PublicKey {
    fileprivate var signingRequestAlgorithm: Certificate.SignatureAlgorithm {
        _RSA.Signing.PublicKey(self) == nil ? .ecdsaWithSHA256 : .sha256WithRSAEncryption
    }
}
