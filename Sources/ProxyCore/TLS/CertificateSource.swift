package import NIOCore
package import NIOSSL

/// Where a listener has its certificates from.
package protocol CertificateSource: Sendable {
    /// What a new connection shakes hands with; nil refuses it. Asked once for each, on its event loop, and not to block.
    ///
    /// One context may serve many names: its `sslContextCallback` chooses a certificate by the name that the client asks for (RFC 6066 §3),
    /// at once or later.
    var context: NIOSSLContext? { get }

    /// Begins to keep the certificates true.
    ///
    /// - Parameter loop: May be blocked for a moment.
    func start(on loop: any EventLoop, every interval: TimeAmount)

    /// No connection will come.
    func stop()
}

extension CertificateSource {
    package func start(on loop: any EventLoop, every interval: TimeAmount) {}
    package func stop() {}
}
