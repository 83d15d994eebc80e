import Foundation
import NIOCore
import NIOSSL
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Certificates by the name that a client asks for")
struct NamedCertificatesTests {
    /// Has a certificate for each of some names, and one for all others.
    private struct NamedCertificates: CertificateSource {
        let context: NIOSSLContext?

        init(_ names: [String: TestCertificates], others: TestCertificates) throws {
            let pairs = try names.mapValues { try Self.pair($0) }
            let (chain, key) = try Self.pair(others)
            var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
            configuration.sslContextCallback = { asked, promise in
                var chosen = NIOSSLContextConfigurationOverride()
                if let name = asked.serverHostname, let (chain, key) = pairs[name] {
                    chosen.certificateChain = chain
                    chosen.privateKey = key
                }
                promise.succeed(chosen)
            }
            self.context = try NIOSSLContext(configuration: configuration)
        }

        private static func pair(_ certificates: TestCertificates) throws -> ([NIOSSLCertificateSource], NIOSSLPrivateKeySource) {
            let chain = try NIOSSLCertificate.fromPEMFile(certificates.path("server.pem")).map { NIOSSLCertificateSource.certificate($0) }
            return (chain, .privateKey(try NIOSSLPrivateKey(file: certificates.path("server.key"), format: .pem)))
        }
    }

    private static func certificates(_ directory: TemporaryDirectory, for name: String) async throws -> TestCertificates {
        let folder = URL(filePath: directory.file(name))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try await TestCertificates(in: folder, names: [name])
    }

    @Test("each name gets its own, and whoever asks for another the one for all")
    func byName() async throws {
        let directory = try TemporaryDirectory()
        let (one, other, any) = (
            try await Self.certificates(directory, for: "one.test"), try await Self.certificates(directory, for: "other.test"),
            try await Self.certificates(directory, for: "any.test")
        )
        let source = try NamedCertificates(["one.test": one, "other.test": other], others: any)
        try await withEngine(BalancingTable(), purpose: .https(source)) { proxy in
            for (asked, served) in [("one.test", "one.test"), ("other.test", "other.test"), ("third.test", "any.test")] {
                let script =
                    "openssl s_client -connect 127.0.0.1:\(proxy.port) -servername \(asked) </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName"
                let names = try await TestProcess.run("/bin/sh", ["-c", script]).joined()
                #expect(names.contains("DNS:\(served)"))
            }
        }
    }
}
