import NIOCore
import NIOSSL

/// A certificate and its key, which have been found to belong together.
struct ServerCertificate: Sendable {
    let context: NIOSSLContext
    let contents: CertificateContents
    /// Unix time, in seconds.
    let expires: Int64
    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKeySource

    /// The server's order decides, so HTTP/2 is used where both sides know it.
    private static let protocols = ["h2", "http/1.1"]

    /// Cipher suites for TLS 1.2 with either kind of key: the intermediate list of Mozilla's server side TLS guidelines (version 5.7) without DHE, which
    /// BoringSSL does not have. All have forward secrecy and authenticated encryption, as HTTP/2 requires (RFC 9113 §9.2.2). Those of TLS 1.3 cannot be
    /// chosen.
    private static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]

    /// - Parameters:
    ///   - shutdownTimeout: How long a peer may take to answer our closing alert before the connection is cut.
    ///   - others: Of names that have a certificate of their own; asked at each handshake, on its event loop. Nil where there are none.
    /// - Throws: What is wrong, and in which file.
    init(
        _ contents: CertificateContents, files: CertificatePaths, offersHTTP2: Bool, ticketKey: TicketKey, shutdownTimeout: TimeAmount,
        others: (@Sendable (_ name: String) -> ServerCertificate?)? = nil
    ) throws(CertificateError) {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(contents.certificate)
        } catch {
            throw CertificateError(path: files.certificatePath, problem: "holds no certificate in PEM form")
        }
        guard let leaf = chain.first else {
            throw CertificateError(path: files.certificatePath, problem: "holds no certificate in PEM form")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: contents.key, format: .pem)
        } catch {
            throw CertificateError(path: files.keyPath, problem: "holds no private key in PEM form without a passphrase")
        }
        self.chain = chain.map { .certificate($0) }
        self.key = .privateKey(key)
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: self.chain, privateKey: self.key)
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuites = Self.cipherSuites.joined(separator: ":")
        configuration.applicationProtocols = offersHTTP2 ? Self.protocols : ["http/1.1"]
        configuration.shutdownTimeout = shutdownTimeout
        if let others {
            configuration.sslContextCallback = { asked, promise in
                var chosen = NIOSSLContextConfigurationOverride()
                if let other = asked.serverHostname.flatMap(others) {
                    chosen.certificateChain = other.chain
                    chosen.privateKey = other.key
                }
                promise.succeed(chosen)
            }
        }
        do {
            // This compares the key with the first certificate of the chain.
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw CertificateError(path: files.keyPath, problem: "does not belong to the certificate in \(files.certificatePath)")
        }
        self.contents = contents
        self.expires = Int64(leaf.notValidAfter)
        // If the context is not accessible, BoringSSL uses ticket keys of its own until the process ends, and the client's order decides among the suites,
        // all of which are good.
        guard let context = BoringSSLContext(self.context) else { return }
        context.preferOwnOrder()
        context.forgetHandshakes()
        _ = context.use(ticketKey)
    }
}
