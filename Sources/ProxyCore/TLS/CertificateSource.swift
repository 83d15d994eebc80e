package import NIOCore
package import NIOSSL

/// Where a listener gets its certificates from.
package protocol CertificateSource: Sendable {
    /// The context for the TLS handshake of a new connection; nil refuses the connection. Asked once for each connection, on its event loop, so it must not
    /// block.
    ///
    /// One context may serve many names: its `sslContextCallback` chooses a certificate by the name that the client asks for (RFC 6066 §3),
    /// at once or later.
    var context: NIOSSLContext? { get }

    /// Begins to watch for changes of the certificates.
    ///
    /// - Parameter loop: A loop that may be blocked for a moment.
    func start(on loop: any EventLoop, every interval: TimeAmount)

    /// Called when no more connections will come.
    func stop()
}

extension CertificateSource {
    package func start(on loop: any EventLoop, every interval: TimeAmount) {}
    package func stop() {}
}
