package import NIOCore
package import NIOSSL
import ProxyCore

/// Gives each client the certificate of the name that it asks for. A client that asks for no name, or for one without a certificate, gets the certificate of
/// the default name, if there is one; otherwise the handshake fails with an alert.
package final class NamedCertificates: CertificateSource {
    package struct NoCertificate: Error, Sendable {}

    package let context: NIOSSLContext?
    private let starting: @Sendable (any EventLoop, TimeAmount) -> Void
    private let stopping: @Sendable () -> Void

    init(
        _ finder: some CertificateFinder, preset: TLSPreset, offersHTTP2: Bool, defaultName: String?,
        starting: @escaping @Sendable (any EventLoop, TimeAmount) -> Void = { _, _ in }, stopping: @escaping @Sendable () -> Void = {}
    ) throws {
        // NIOSSL requires a certificate in a server's configuration, but here each handshake gets its own. A client's configuration that does not verify its
        // peer is equivalent, and needs none.
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.minimumTLSVersion = preset.minimumVersion
        configuration.cipherSuites = preset.cipherSuites.joined(separator: ":")
        configuration.curves = TLSPreset.curves
        configuration.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        // How long the peer may take to answer our closing alert before the connection is cut.
        configuration.shutdownTimeout = .seconds(2)
        configuration.sslContextCallback = { asked, promise in
            Self.choose(finder, asked.serverHostname, defaultName: defaultName) { pair in
                guard let pair else { return promise.fail(NoCertificate()) }
                var chosen = NIOSSLContextConfigurationOverride()
                chosen.certificateChain = pair.chain
                chosen.privateKey = pair.key
                promise.succeed(chosen)
            }
        }
        let context = try NIOSSLContext(configuration: configuration)
        BoringSSLContext(context)?.preferOwnOrder()
        self.context = context
        self.starting = starting
        self.stopping = stopping
    }

    private static func choose(
        _ finder: some CertificateFinder, _ name: String?, defaultName: String?, _ body: @escaping @Sendable (ServedCertificate?) -> Void
    ) {
        guard let name, CertificateName.isAcceptable(name) else {
            guard let defaultName else { return body(nil) }
            return finder.find(defaultName, body)
        }
        finder.find(name) { pair in
            guard pair == nil, let defaultName, defaultName != name else { return body(pair) }
            finder.find(defaultName, body)
        }
    }

    package func start(on loop: any EventLoop, every interval: TimeAmount) { self.starting(loop, interval) }

    package func stop() { self.stopping() }
}
