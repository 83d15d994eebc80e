import Foundation
import NIOCore
import NIOSSL
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Endpoints that are spoken to by TLS")
struct SecureEndpointTests {
    /// A server of OpenSSL's that answers every request with a page, and a proxy before it.
    ///
    /// - Parameter trusts: The proxy knows who has signed the server's certificate.
    private static func ask(trusts: Bool, serverName: String?) async throws -> (answer: String, failed: [UpstreamFailure]) {
        let directory = try TemporaryDirectory()
        let certificates = try await TestCertificates(in: URL(filePath: directory.file("")))
        let port = try freeLoopbackPort()
        let server = try TestProcess(
            "/usr/bin/env",
            [
                "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificates.path("server.pem"), "-key",
                certificates.path("server.key"), "-www",
            ])
        try await server.line(containing: "ACCEPT")
        var configuration = TLSConfiguration.makeClientConfiguration()
        if trusts { configuration.trustRoots = .file(certificates.path("ca.pem")) }
        let table = BalancingTable(tls: UpstreamTLS(context: try NIOSSLContext(configuration: configuration), serverName: serverName))
        table.set("app.test", [try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))])
        var answer = ""
        try await withEngine(table) { proxy in
            answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
        }
        withExtendedLifetime(server) {}
        return (answer, table.failed.map(\.failure))
    }

    @Test("a request goes there and its response comes back", arguments: ["localhost", nil])
    func trusted(serverName: String?) async throws {
        let (answer, failed) = try await Self.ask(trusts: true, serverName: serverName)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.contains("</HTML>") || answer.contains("</html>"))
        #expect(failed.isEmpty)
    }

    @Test("one whose certificate is signed by nobody we know gets nothing")
    func untrusted() async throws {
        let (answer, failed) = try await Self.ask(trusts: false, serverName: "localhost")
        #expect(answer.hasPrefix("HTTP/1.1 502 "))
        #expect(failed == [.handshakeFailed])
    }
}
