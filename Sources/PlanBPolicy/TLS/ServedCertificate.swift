import NIOSSL

/// A certificate with its chain and key, parsed and checked. Never to be logged.
struct ServedCertificate: Sendable {
    /// Why two texts are not a usable pair.
    struct Problem: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKeySource

    /// Takes some milliseconds for an RSA key, so this is not for event loops.
    init(certificate: [UInt8], key: [UInt8]) throws(Problem) {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMBytes(certificate) } catch {
            throw Problem(description: "the certificate is not in PEM form")
        }
        guard let leaf = chain.first else { throw Problem(description: "there is no certificate in PEM form") }
        let privateKey: NIOSSLPrivateKey
        do { privateKey = try NIOSSLPrivateKey(bytes: key, format: .pem) } catch {
            throw Problem(description: "the key is not in PEM form, or has a passphrase")
        }
        self.chain = chain.map { .certificate($0) }
        self.key = .privateKey(privateKey)
        // Making a context compares the key with the certificate.
        do {
            _ = try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: [.certificate(leaf)], privateKey: self.key))
        } catch {
            throw Problem(description: "the key does not belong to the certificate")
        }
    }
}

/// Finds the certificate of a name that a client asks for (SNI, RFC 6066 §3).
protocol CertificateFinder: Sendable {
    /// - Parameter body: called once, on any thread, now or later; with nil if there is no certificate.
    func find(_ name: String, _ body: @escaping @Sendable (ServedCertificate?) -> Void)
}

/// The names under which a certificate may be stored.
enum CertificateName {
    /// `*.example.org` for `www.example.org`: the wildcard covers exactly one label. Nil for a name without a dot.
    static func wildcard(of name: String) -> String? {
        guard let dot = name.firstIndex(of: ".") else { return nil }
        return "*" + name[dot...]
    }

    /// Whether a name is looked up at all. It becomes a part of a key, and of a file's name.
    static func isAcceptable(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 253 && !name.hasPrefix(".")
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
            }
    }
}
