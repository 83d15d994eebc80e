package import Crypto
package import Foundation
import SwiftASN1
package import X509

/// Signs certificates in the test process.
package struct TestIssuer: Sendable {
    package let key = P256.Signing.PrivateKey()
    package let name: DistinguishedName
    package let certificate: Certificate

    package init(_ commonName: String = "test issuer") throws {
        self.name = try DistinguishedName { CommonName(commonName) }
        self.certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(self.key.publicKey), notValidBefore: Date(timeIntervalSince1970: 0),
            notValidAfter: Date(timeIntervalSince1970: 4_000_000_000), issuer: self.name, subject: self.name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) },
            issuerPrivateKey: .init(self.key))
    }

    /// The chain's PEM: leaf, then the issuer.
    package func chain(
        names: [String], publicKey: Certificate.PublicKey, notBefore: Date = Date(timeIntervalSince1970: 1_700_000_000),
        notAfter: Date = Date(timeIntervalSince1970: 1_707_776_000), serial: Certificate.SerialNumber = .init()
    ) throws -> String {
        let leaf = try Certificate(
            version: .v3, serialNumber: serial, publicKey: publicKey, notValidBefore: notBefore, notValidAfter: notAfter,
            issuer: self.name, subject: DistinguishedName(), signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init {
                SubjectAlternativeNames(names.map { .dnsName($0) })
                AuthorityKeyIdentifier(keyIdentifier: [0x69, 0x88, 0x5B])
            }, issuerPrivateKey: .init(self.key))
        return try leaf.serializeAsPEM().pemString + "\n" + self.certificate.serializeAsPEM().pemString + "\n"
    }
}
