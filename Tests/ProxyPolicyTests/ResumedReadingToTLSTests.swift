import Foundation
import Logging
import NIOSSL
import PlaneTestSupport
import ProxyCore
import Testing

/// As ``ResumedReadingTests``, with TLS on the way to the backend: the proxy pauses and goes on some hundred times in each transfer, between two handlers of TLS.
@Suite("A pause towards an endpoint that is spoken to by TLS has an end")
struct ResumedReadingToTLSTests {
    enum Way: String, CaseIterable, CustomTestStringConvertible {
        case plain = "--http1.1"
        case tls = "--http1.1 "
        case http2 = "--http2"

        var testDescription: String {
            switch self {
            case .plain: "HTTP/1.1"
            case .tls: "HTTP/1.1 through TLS"
            case .http2: "HTTP/2"
            }
        }
    }

    private static let count = 1_000_000

    private let directory: TemporaryDirectory
    private let certificates: TestCertificates

    init() async throws {
        self.directory = try TemporaryDirectory()
        self.certificates = try await TestCertificates(in: URL(filePath: self.directory.file("")))
    }

    private func withProxy(_ way: Way, _ body: (PolicyUnderTest) async throws -> Void) async throws {
        var client = TLSConfiguration.makeClientConfiguration()
        client.trustRoots = .file(self.certificates.path("ca.pem"))
        let table = BalancingTable(tls: UpstreamTLS(context: try NIOSSLContext(configuration: client), serverName: "localhost"))
        var options = ProxyOptions()
        // Each write fills it, and only what has left makes room.
        options.limits.writeBufferBytes = 1024..<4096
        let files = CertificatePaths(certificatePath: self.certificates.path("server.pem"), keyPath: self.certificates.path("server.key"))
        let purpose: ProxyListener.Purpose =
            way == .plain ? .http : .https(CertificateStore(files: files, offersHTTP2: way == .http2, logger: Logger(label: "certificates")))
        try await SecureBackend.run(self.certificates) { backend in
            table.set("app.test", [backend.address])
            try await withEngine(table, options: options, purpose: purpose, body)
        }
    }

    @Test("an upload and as long an answer, one after the other on one connection to the endpoint", arguments: Way.allCases)
    func exchange(way: Way) async throws {
        try await self.withProxy(way) { proxy in
            let path = self.directory.file("body")
            try Data(repeating: 0x62, count: Self.count).write(to: URL(filePath: path))
            let url = "\(way == .plain ? "http" : "https")://app.test/"
            let request = "-o /dev/null \(url)"
            let shell = try TestProcess(
                "/bin/sh",
                [
                    "-c",
                    """
                    curl -ksS -m 240 \(way.rawValue) -w '%{http_code} %{size_upload} %{size_download}\\n' --connect-to '::127.0.0.1:\(proxy.port)' \
                    -H 'Expect:' --data-binary @\(path) \(request) \(request) \(request) </dev/null
                    """,
                ])
            await shell.ended()
            #expect(shell.log == Array(repeating: "200 \(Self.count) \(Self.count)", count: 3))
        }
    }

    @Test("a tunnel, in both directions")
    func tunnel() async throws {
        try await self.withProxy(.plain) { proxy in
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
            let reading = Task { try await client.receive(until: "!") }
            try await client.send([UInt8](repeating: 0x62, count: SecureBackend.tunnelled))
            // The last byte comes when all bytes have arrived on the other side.
            let down = try await reading.value
            #expect(down.hasPrefix("HTTP/1.1 101 "))
            #expect(down.utf8.count { $0 == UInt8(ascii: "a") } >= SecureBackend.tunnelled)
        }
    }
}
