import Crypto
import CryptoExtras
import Foundation
import PlaneTestSupport
import SwiftASN1
import Testing
import TextEncodings
import X509

@testable import ACME

@Suite struct CertificateTests {
    let names = ["a.example", "*.a.example"]
    let during = Date(timeIntervalSince1970: 1_700_000_001)

    @Test("a chain is read: names, times, issuers")
    func chain() async throws {
        let key = try await CertificateKey.generate(.p256)
        let chain = try CertificateChain(pem: TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey))
        #expect(chain.names == Set(self.names))
        #expect(chain.notBefore == Date(timeIntervalSince1970: 1_700_000_000))
        #expect(chain.issuers.count == 1)
        try chain.checkLinks()
    }

    @Test("C2: a certificate for another key is no pair")
    func mismatch() async throws {
        let key = try await CertificateKey.generate(.p256)
        let other = try await CertificateKey.generate(.p256)
        let chain = try CertificateChain(pem: TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey))
        _ = try CertificatePair(chain: chain, key: key)
        let error = try #require(throws: ACMEError.self) { try CertificatePair(chain: chain, key: other) }
        #expect(error.code == .unusableCertificate)
    }

    @Test("C2: names that are missing and lifetimes that are over are told")
    func check() async throws {
        let key = try await CertificateKey.generate(.p256)
        let chain = try CertificateChain(pem: TestIssuer().chain(names: ["*.a.example"], publicKey: key.privateKey.publicKey))
        let pair = try CertificatePair(chain: chain, key: key)
        try pair.check(names: ["*.A.example"], now: self.during)
        let missing = try #require(throws: ACMEError.self) { try pair.check(names: self.names, now: self.during) }
        #expect(missing.description.contains("does not name a.example"))
        let expired = try #require(throws: ACMEError.self) {
            try pair.check(names: ["*.a.example"], now: Date(timeIntervalSince1970: 1_707_776_000))
        }
        #expect(expired.description.contains("expired"))
    }

    @Test("a chain signed by somebody else than its next certificate is refused")
    func links() async throws {
        let key = try await CertificateKey.generate(.p256)
        let pem = try TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey)
        let leaf = try #require(try PEMDocument.parseMultiple(pemString: pem).first)
        let impostor = try TestIssuer().certificate.serializeAsPEM().pemString
        let chain = try CertificateChain(pem: leaf.pemString + "\n" + impostor)
        #expect(throws: ACMEError.self) { try chain.checkLinks() }
    }

    @Test("what is no chain is an error", arguments: ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func unreadable(pem: String) throws {
        let error = try #require(throws: ACMEError.self) { try CertificateChain(pem: pem) }
        #expect(error.code == .unusableCertificate)
    }

    @Test("a chain without end is refused before it is looked at")
    func endless() throws {
        let pem = try TestIssuer().certificate.serializeAsPEM().pemString + "\n"
        #expect(throws: ACMEError.self) { try CertificateChain(pem: String(repeating: pem, count: 11)) }
        #expect(throws: ACMEError.self) { try CertificateChain(pem: String(repeating: " ", count: CertificateChain.sizeLimitBytes + 1)) }
    }

    @Test("a certificate truncated anywhere is an error, never a trap")
    func truncated() async throws {
        let key = try await CertificateKey.generate(.p256)
        let pem = try TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey)
        let leaf = Array(try #require(try PEMDocument.parseMultiple(pemString: pem).first).derBytes)
        for length in 0..<leaf.count {
            let short = PEMDocument(type: "CERTIFICATE", derBytes: Array(leaf[..<length]))
            #expect(throws: ACMEError.self) { try CertificateChain(pem: short.pemString) }
        }
    }

    @Test("C8: a signing request names all names, and only as alternative names")
    func signingRequest() async throws {
        let key = try await CertificateKey.generate(.p256)
        let der = try #require(Base64URL.decode(try SigningRequest.make(names: self.names, key: key).utf8))
        let request = try CertificateSigningRequest(derEncoded: der)
        #expect(request.subject.isEmpty)
        #expect(request.publicKey == key.privateKey.publicKey)
        let attribute = try #require(request.attributes.first)
        let names = try ExtensionRequest(attribute).extensions.subjectAlternativeNames
        #expect(names.map(Array.init) == self.names.map { .dnsName($0) })
    }

    @Test("C7: an RSA key of 4096 bits is made on another thread when it is asked for")
    func rsa() async throws {
        let key = try await CertificateKey.generate(.rsa4096)
        let rsa = try #require(_RSA.Signing.PublicKey(key.privateKey.publicKey))
        #expect(rsa.keySizeInBits == 4096)
        let der = try #require(Base64URL.decode(try SigningRequest.make(names: self.names, key: key).utf8))
        #expect(try CertificateSigningRequest(derEncoded: der).signatureAlgorithm == .sha256WithRSAEncryption)
    }

    @Test("a key comes back from its file and does not show itself")
    func keyFile() async throws {
        let key = try await CertificateKey.generate(.p256)
        #expect(try CertificateKey(pem: key.pem).privateKey.publicKey == key.privateKey.publicKey)
        #expect("\(key)" == "certificate key <redacted>")
        #expect(throws: ACMEError.self) { try CertificateKey(pem: "no key") }
    }

    @Test("renewal information is asked for by issuer's key and serial number (RFC 9773 §4.1)")
    func renewalID() async throws {
        let key = try await CertificateKey.generate(.p256)
        let serial = Certificate.SerialNumber(bytes: [0x00, 0x87, 0x65, 0x43, 0x21])
        let chain = try CertificateChain(
            pem: TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey, serial: serial))
        #expect(chain.renewalID == "aYhb.AIdlQyE")
    }
}
