import Logging
import MetricsTestKit
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("Certificates of several domains on one port, chosen by the name that a client asks for")
struct OtherDomainsTests {
    @Test("a name of another domain, or below it, gets that one's certificate, in any case; every other name the first")
    func names() async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let second = CertificatePaths(certificatePath: folder.second.path("server.pem"), keyPath: folder.second.path("server.key"))
        let store = CertificateStore(
            files: folder.files, offersHTTP2: true, others: ["other.test": folder.store(second)], logger: Logger(label: "certificates"))
        try await withProxy(listener: ProxyListener(.https(store))) { proxy in
            for (name, pair) in [
                ("plane.test", folder.first), ("b-1.plane.test", folder.first), ("another.test", folder.first), ("other.test", folder.second),
                ("b-1.OTHER.test", folder.second),
            ] {
                let peer = try await TLSPeer.connect(port: proxy.port, name: name, protocols: ["h2", "http/1.1"])
                #expect(try await peer.certificate() == CertificateFolder.der(pair), "\(name)")
                #expect(try await peer.negotiatedProtocol == "h2", "\(name)")
            }
        }
    }

    @Test("the end of each certificate is a metric of its own, that of another domain with its cluster as a label")
    func metric() async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let metrics = TestMetrics()
        let second = CertificatePaths(certificatePath: folder.second.path("server.pem"), keyPath: folder.second.path("server.key"))
        let other = CertificateStore(
            files: second, offersHTTP2: false, cluster: "other.test", metrics: metrics, logger: Logger(label: "certificates"))
        let store = CertificateStore(
            files: folder.files, offersHTTP2: false, others: ["other.test": other], metrics: metrics, logger: Logger(label: "certificates"))
        try await withProxy(listener: ProxyListener(.https(store))) { proxy in
            _ = try await TLSPeer.connect(port: proxy.port, name: "plane.test")
            let name = "plane_certificate_expiry_timestamp_seconds"
            #expect(try metrics.expectGauge(name).lastValue ?? 0 > 1_700_000_000)
            #expect(try metrics.expectGauge(name, [("cluster", "other.test")]).lastValue ?? 0 > 1_700_000_000)
        }
    }

    @Test("a domain whose files cannot be read is served with the first certificate, which no client takes for its own")
    func unreadable() async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let nothing = CertificatePaths(certificatePath: folder.path("none.pem"), keyPath: folder.path("none.key"))
        let store = CertificateStore(
            files: folder.files, offersHTTP2: false, others: ["other.test": folder.store(nothing)], logger: Logger(label: "certificates"))
        try await withProxy(listener: ProxyListener(.https(store))) { proxy in
            let peer = try await TLSPeer.connect(port: proxy.port, name: "other.test")
            #expect(try await peer.certificate() == CertificateFolder.der(folder.first))
        }
    }
}
