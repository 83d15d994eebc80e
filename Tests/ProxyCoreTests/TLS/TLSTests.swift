import DroneProxyPolicy
import Foundation
import NIOCore
import NIOSSL
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("TLS")
struct TLSTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withTLS(
        certificate: Bool = true, logger: LogRecorder = LogRecorder(), _ body: (ProxyUnderTest, CertificateStore) async throws -> Void
    ) async throws {
        if certificate { try self.folder.install(self.folder.first) }
        let store = self.folder.store(logger: logger.logger)
        try await withProxy(listener: ProxyListener(.https(store)), logger: logger.logger) { try await body($0, store) }
    }

    @Test("versions 1.2 and 1.3 are spoken, and HTTP/1.1 is agreed on", arguments: [TLSVersion.tlsv12, .tlsv13])
    func versions(version: TLSVersion) async throws {
        try await self.withTLS { proxy, _ in
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            let client = try await TLSPeer.connect(port: proxy.port, version: version)
            #expect(try await client.tlsVersion == version)
            #expect(try await client.negotiatedProtocol == "http/1.1")
            try await client.send(Self.get)
            #expect(try await client.receive(until: "ok") == Self.ok)
            #expect(try await answering.value.request.contains("\r\nX-Forwarded-Proto: https\r\n"))
        }
    }

    /// How a client leaves.
    enum Departure: String, CaseIterable {
        /// With the word that ends TLS.
        case word
        /// TCP ends without it.
        case cut
    }

    /// No time that the proxy has for such a client is over before the test is.
    private func withPatientTLS(_ body: (ProxyUnderTest) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        let listener = ProxyListener(.https(self.folder.store(shutdownTimeout: .hours(1))))
        try await withProxy(listener: listener, { $0.limits.linger = .hours(1) }) { try await body($0) }
    }

    @Test("a client that has gone is not waited for, with the last word of TLS or without", arguments: ["close", "keep-alive"], Departure.allCases)
    func gone(connection: String, departure: Departure) async throws {
        try await self.withPatientTLS { proxy in
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.send("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\nConnection: \(connection)\r\n\r\n")
            _ = try await client.receive(until: "no such backend.\n")
            #expect(proxy.server.openConnections == 1)
            switch departure {
            case .word: try? await client.close()
            case .cut: try? await client.cut()
            }
            try await eventually("it is let go") { proxy.server.openConnections == 0 }
        }
    }

    @Test("a client that goes in the middle of a response it does not read is not waited for")
    func goneMidResponse() async throws {
        try await self.withPatientTLS { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.stopReading()
            try await client.send(Self.get)
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000000000\r\n\r\n")
            // Until everything in between is full.
            _ = try await peer.sendUntilBlocked([UInt8](repeating: 0x61, count: 65536))
            #expect(proxy.server.openConnections == 1)
            try? await client.cut()
            try await eventually("it is let go") { proxy.server.openConnections == 0 }
        }
    }

    @Test("older versions are refused", arguments: [TLSVersion.tlsv1, .tlsv11])
    func oldVersions(version: TLSVersion) async throws {
        try await self.withTLS { proxy, _ in
            await #expect(throws: (any Error).self) { try await TLSPeer.connect(port: proxy.port, version: version) }
        }
    }

    @Test("P20: without a certificate the proxy runs, refuses handshakes by an alert, and serves once there is one")
    func noCertificate() async throws {
        let log = LogRecorder()
        try await self.withTLS(certificate: false, logger: log) { proxy, store in
            _ = await log.entry("no certificate to serve, TLS handshakes are refused until there is one")
            do {
                _ = try await TLSPeer.connect(port: proxy.port)
                Issue.record("there was no certificate to shake hands with")
            } catch let error as NIOSSLError {
                #expect("\(error)".localizedCaseInsensitiveContains("handshake_failure"))
            }
            try self.folder.install(self.folder.first)
            store.checkFiles()
            _ = try await TLSPeer.connect(port: proxy.port)
        }
    }

    @Test("P12: a renewed certificate is shown to new connections within moments, and open ones go on")
    func renewal() async throws {
        try await self.withTLS { proxy, _ in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve(Self.ok)
            let old = try await TLSPeer.connect(port: proxy.port)
            #expect(try await old.certificate() == CertificateFolder.der(self.folder.first))
            try self.folder.install(self.folder.second)
            try await eventually("the new certificate is shown") {
                try await TLSPeer.connect(port: proxy.port).certificate() == CertificateFolder.der(self.folder.second)
            }
            try await old.send(Self.get)
            #expect(try await old.receive(until: "ok") == Self.ok)
            serving.cancel()
        }
    }

    @Test("a client that comes back resumes its session", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(version: String) async throws {
        try await self.withTLS { proxy, _ in
            let session = self.folder.path("session")
            let script = """
                ask() { printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' |
                    openssl s_client -connect 127.0.0.1:\(proxy.port) \(version) -ign_eof "$@" 2>&1; }
                ask -sess_out \(session) && ask -sess_in \(session)
                """
            let output = try await Shell.run(script)
            #expect(output.contains("Reused, TLSv1."))
        }
    }

    @Test("P4: the cookie that a link sets is secure")
    func secureCookie() async throws {
        try await self.withTLS { proxy, _ in
            _ = try proxy.backend("b-1", token: "s3cret")
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.send("GET /_plane_auth?token=s3cret HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            let response = try await client.receive(until: "\r\n\r\n")
            #expect(response.contains("\r\nSet-Cookie: _plane_auth=s3cret; HttpOnly; SameSite=Lax; Path=/; Secure\r\n"))
        }
    }

    @Test("a WebSocket goes through, and its end is passed on in both directions")
    func tunnel() async throws {
        try await self.withTLS { proxy, _ in
            let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(switched)
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            #expect(try await client.receive(until: "\r\n\r\n") == switched)
            let peer = try await answering.value.peer
            try await client.send("there")
            #expect(try await peer.receive(until: "there") == "there")
            try await peer.send("and back")
            peer.closeOutput()
            #expect(try await client.receiveToEnd() == "and back")
            try await client.close()
            #expect(try await peer.receiveToEnd().isEmpty)
        }
    }

    @Test("a response that is cut off does not look whole: TLS is not ended as it is after a whole one")
    func cutOff() async throws {
        try await self.withTLS { proxy, _ in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n").value
            _ = try await client.receive(until: "hal\r\n")
            peer.close()
            await #expect(throws: (any Error).self) { try await client.receiveToEnd() }
        }
    }

    @Test("plain HTTP on the HTTPS port is closed")
    func plain() async throws {
        try await self.withTLS { proxy, _ in
            let client = try proxy.connect()
            try await client.send(Self.get)
            // BoringSSL may answer with an alert; what matters is that it is no response, and the end.
            #expect(try await !client.receiveToEnd().hasPrefix("HTTP/1.1 2"))
        }
    }
}
