package import Foundation
import SwiftASN1
import TextEncodings
package import X509

/// A certificate, followed by its issuers, each of which has signed the one before it.
package struct CertificateChain: Hashable, Sendable {
    /// Real chains have two or three.
    static let countLimit = 10
    static let sizeLimitBytes = 256 * 1024

    package let leaf: Certificate
    package let issuers: [Certificate]
    package let pem: String

    /// Parses a chain from a file or an authority. `checkLinks()` checks that its parts fit together.
    package init(pem: String) throws(ACMEError) {
        let attempt = "read a certificate chain"
        guard pem.utf8.count <= Self.sizeLimitBytes else {
            throw ACMEError(.unusableCertificate, attempt, hint: "longer than \(Self.sizeLimitBytes) bytes")
        }
        let certificates: [Certificate]
        do {
            let documents = try PEMDocument.parseMultiple(pemString: pem)
            guard documents.count <= Self.countLimit else {
                throw ACMEError(.unusableCertificate, attempt, hint: "more than \(Self.countLimit) certificates")
            }
            certificates = try documents.map { try Certificate(pemDocument: $0) }
        } catch let error as ACMEError {
            throw error
        } catch {
            throw ACMEError(.unusableCertificate, attempt, hint: "expected certificates in PEM, the server's own first", cause: error)
        }
        guard let leaf = certificates.first else {
            throw ACMEError(.unusableCertificate, attempt, hint: "there is none in it")
        }
        self.leaf = leaf
        self.issuers = Array(certificates.dropFirst())
        self.pem = pem
    }

    package var notBefore: Date { self.leaf.notValidBefore }
    package var notAfter: Date { self.leaf.notValidAfter }

    /// The names for which the certificate is valid, in lower case.
    package var names: Set<String> {
        guard let extensions = try? self.leaf.extensions.subjectAlternativeNames else { return [] }
        return Set(
            extensions.compactMap { name in
                if case .dnsName(let name) = name { name.lowercased() } else { nil }
            })
    }

    /// - Throws: `unusableCertificate` unless each certificate is signed by the one after it (RFC 8555 §9.1).
    func checkLinks() throws(ACMEError) {
        for (certificate, issuer) in zip([self.leaf] + self.issuers, self.issuers)
        where certificate.issuer != issuer.subject || !issuer.publicKey.isValidSignature(certificate.signature, for: certificate) {
            throw ACMEError(
                .unusableCertificate, "check the chain of \(certificate.subject)", hint: "it is not signed by the next one in the chain")
        }
    }

    /// The certificate's id in renewal information and replacing orders (RFC 9773 §4.1); nil if it does not name its issuer's key.
    package var renewalID: String? {
        guard let keyID = try? self.leaf.extensions.authorityKeyIdentifier?.keyIdentifier else { return nil }
        // The serial number as in DER: a leading zero keeps a number with its highest bit set from being negative.
        let serial = Array(self.leaf.serialNumber.bytes)
        let isHigh = serial.first.map { $0 & 0x80 != 0 } ?? true
        return "\(Base64URL.encode(keyID)).\(Base64URL.encode(isHigh ? [0] + serial : serial))"
    }
}
