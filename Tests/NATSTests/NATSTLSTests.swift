import Foundation
import NATS
import PlaneTestSupport
import Testing

@Suite("NATS over TLS", .timeLimit(.minutes(10)))
struct NATSTLSTests {
    private static let configuration = """
        tls {
          cert_file: "$DIRECTORY/server.pem"
          key_file: "$DIRECTORY/server.key"
          ca_file: "$DIRECTORY/ca.pem"
          verify: VERIFY
        }
        """

    private func withTLSServer(
        verify: Bool, _ body: (NATSServer, _ url: String, _ directory: URL) async throws -> Void
    ) async throws {
        let server = try await NATSServer.start(
            configuration: Self.configuration.replacing("VERIFY", with: "\(verify)")
        ) { _ = try await TestCertificates(in: $0) }
        try await body(server, "tls://127.0.0.1:\(server.port)", server.directory)
        await server.stop()
    }

    @Test("works with the CA of the server, and not without")
    func privateCA() async throws {
        try await self.withTLSServer(verify: false) { server, url, directory in
            let tls = NATSTLSOptions(caFile: directory.appending(path: "ca.pem").path)
            let connection = try await NATSConnection.make(server, url: url) { $0.tls = tls }
            try await connection.flush()
            await connection.drain()
            let error = await #expect(throws: NATSError.self) { _ = try await NATSConnection.make(server, url: url) }
            #expect(error?.code == .tlsFailed)
            #expect(error?.hint?.contains("CA file") == true)
        }
    }

    @Test("verifies the server's name")
    func hostname() async throws {
        try await self.withTLSServer(verify: false) { server, url, directory in
            let tls = NATSTLSOptions(caFile: directory.appending(path: "ca.pem").path, expectedHostname: "elsewhere.test")
            let error = await #expect(throws: NATSError.self) {
                _ = try await NATSConnection.make(server, url: url) { $0.tls = tls }
            }
            #expect(error?.code == .tlsFailed)
        }
    }

    @Test("shows a client certificate where the server asks for one")
    func clientCertificate() async throws {
        try await self.withTLSServer(verify: true) { server, url, directory in
            var tls = NATSTLSOptions(caFile: directory.appending(path: "ca.pem").path)
            await #expect(throws: NATSError.self) { _ = try await NATSConnection.make(server, url: url) { $0.tls = tls } }
            tls.clientCertificate = .init(
                chainFile: directory.appending(path: "client.pem").path,
                keyFile: directory.appending(path: "client.key").path)
            let connection = try await NATSConnection.make(server, url: url) { $0.tls = tls }
            try await connection.flush()
            await connection.drain()
        }
    }

    @Test("says which file cannot be read")
    func missingFile() async throws {
        try await withNATSServer(jetStream: false) { server in
            let error = await #expect(throws: NATSError.self) {
                _ = try await NATSConnection.make(server) { $0.tls = NATSTLSOptions(caFile: "/nonexistent/ca.pem") }
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.description.contains("/nonexistent/ca.pem") == true)
        }
    }
}
