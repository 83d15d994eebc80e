package import Foundation
import X509

/// A chain with the private key of its first certificate, checked to belong together.
package struct CertificatePair: Sendable, CustomStringConvertible {
    package let chain: CertificateChain
    package let key: CertificateKey

    /// - Throws: `unusableCertificate` if the certificate belongs to another key.
    package init(chain: CertificateChain, key: CertificateKey) throws(ACMEError) {
        guard chain.leaf.publicKey == key.privateKey.publicKey else {
            throw ACMEError(.unusableCertificate, "use the certificate with its key", hint: "the certificate was made for another key")
        }
        self.chain = chain
        self.key = key
    }

    /// - Throws: `unusableCertificate` unless it can be served for `names` at `now`.
    package func check(names: [String], now: Date) throws(ACMEError) {
        let attempt = "use the certificate for \(names.joined(separator: ", "))"
        let missing = names.filter { !self.chain.names.contains($0.lowercased()) }
        guard missing.isEmpty else {
            throw ACMEError(.unusableCertificate, attempt, hint: "it does not name \(missing.joined(separator: ", "))")
        }
        guard now < self.chain.notAfter else {
            throw ACMEError(.unusableCertificate, attempt, hint: "it expired at \(self.chain.notAfter.formatted(.iso8601))")
        }
    }

    package var description: String {
        "certificate for \(self.chain.names.sorted().joined(separator: ", ")) until \(self.chain.notAfter.formatted(.iso8601))"
    }
}
