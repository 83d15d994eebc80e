import DroneProxyPolicy
import NIOSSL
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("TLS as a stranger finds it")
struct CipherTests {
    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    /// Makes a key and a certificate that proxies of this test serve.
    private func install(_ algorithm: String) async throws {
        let files = self.folder.files
        _ = try await Shell.run(
            "openssl req -x509 -nodes -days 2 -subj /CN=plane.test \(algorithm) -keyout \(files.keyPath) -out \(files.certificatePath) 2>&1")
    }

    private static let ecdsa = "-newkey ec -pkeyopt ec_paramgen_curve:P-256"
    private static let rsa = "-newkey rsa:2048"

    /// The cipher suite that is agreed on when a client offers these; “(NONE)” when it gets no connection.
    private static func agreed(_ suites: String, port: UInt16) async throws -> String {
        let output = try await Shell.run(
            "openssl s_client -connect 127.0.0.1:\(port) -tls1_2 -alpn h2,http/1.1 -cipher '\(suites):@SECLEVEL=0' 2>&1")
        let match = try #require(output.firstMatch(of: /Cipher is ([^\n]+)/))
        return String(match.1)
    }

    @Test("suites without forward secrecy or authenticated encryption are refused, whatever the key", arguments: [Self.ecdsa, Self.rsa])
    func suites(algorithm: String) async throws {
        try await self.install(algorithm)
        let kind = algorithm == Self.rsa ? "RSA" : "ECDSA"
        try await withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true)))) { proxy in
            for suite in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"] {
                let strong = try await Self.agreed("ECDHE-\(kind)-\(suite)", port: proxy.port)
                #expect(strong == "ECDHE-\(kind)-\(suite)")
            }
            let weak = [
                "AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "DES-CBC3-SHA", "ECDHE-\(kind)-AES128-SHA",
                "ECDHE-\(kind)-AES256-SHA", "ECDHE-\(kind)-AES128-SHA256", "ECDHE-\(kind)-AES256-SHA384", "DHE-RSA-AES128-SHA", "PSK-AES128-CBC-SHA",
            ]
            // Those that this openssl knows.
            let none = try await Self.agreed(weak.joined(separator: ":"), port: proxy.port)
            #expect(none == "(NONE)")
            let backwards = ["CHACHA20-POLY1305", "AES256-GCM-SHA384", "AES128-GCM-SHA256"].map { "ECDHE-\(kind)-\($0)" }
            let first = try await Self.agreed(backwards.joined(separator: ":"), port: proxy.port)
            #expect(first == "ECDHE-\(kind)-AES128-GCM-SHA256", "the proxy's order counts")
        }
    }

    /// Asks with what openssl has kept in `session`, and keeps what it gets.
    private func ask(_ version: String, port: UInt16, isNew: Bool) async throws -> String {
        let session = self.folder.path("session")
        return try await Shell.run(
            """
            printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' |
                openssl s_client -connect 127.0.0.1:\(port) \(version) -ign_eof \(isNew ? "-sess_out" : "-sess_in") \(session) 2>&1
            """)
    }

    @Test("a session goes on where its ticket's key is: at a successor that was handed it, and after a renewal", arguments: ["-tls1_2", "-tls1_3"])
    func tickets(version: String) async throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store()
        let (heir, stranger) = (self.folder.store(), self.folder.store())
        try await withProxy(listener: ProxyListener(.https(store))) { proxy in
            #expect(try await self.ask(version, port: proxy.port, isNew: true).contains("New, TLSv1."))
            try self.folder.install(self.folder.second)
            try await eventually("the new certificate is shown") {
                try await TLSPeer.connect(port: proxy.port).certificate() == CertificateFolder.der(self.folder.second)
            }
            #expect(try await self.ask(version, port: proxy.port, isNew: false).contains("Reused, TLSv1."))
            store.renewTicketKey(at: TicketKey.now() + 86_400)
            #expect(try await self.ask(version, port: proxy.port, isNew: false).contains("New, TLSv1."), "a day later the key is another one")
            #expect(try await self.ask(version, port: proxy.port, isNew: true).contains("New, TLSv1."))
        }
        heir.adopt(try #require(TicketKey(encoded: store.ticketKey.encoded)))
        try await withProxy(listener: ProxyListener(.https(heir))) { proxy in
            let known = try await self.ask(version, port: proxy.port, isNew: false)
            #expect(known.contains("Reused, TLSv1."))
        }
        try await withProxy(listener: ProxyListener(.https(stranger))) { proxy in
            let unknown = try await self.ask(version, port: proxy.port, isNew: false)
            #expect(unknown.contains("New, TLSv1."))
        }
    }

    @Test("a ticket's key is handed on as it is, and grows old in a day, or when the clock goes back")
    func ticketKey() throws {
        let key = TicketKey.random(now: 1_000_000)
        #expect(TicketKey(encoded: key.encoded) == key)
        #expect(!key.isOld(at: 1_000_000) && !key.isOld(at: 1_086_399))
        #expect(key.isOld(at: 1_086_400) && key.isOld(at: 999_999))
        #expect(TicketKey.random() != TicketKey.random())
        for wrong in [[], [1], Array(key.encoded.dropLast()), key.encoded + [0]] { #expect(TicketKey(encoded: wrong) == nil) }
    }

    private static let hsts = "\r\nStrict-Transport-Security: max-age=600\r\n"

    @Test("browsers are told to come by HTTPS only where that is configured, in answers of the proxy and of backends, once")
    func strictTransportSecurity() async throws {
        try self.folder.install(self.folder.first)
        for seconds in [600, nil] as [Int64?] {
            try await withProxy(listener: ProxyListener(.https(self.folder.store())), { $0.strictTransportSecurity = seconds }) { proxy in
                let client = try await TLSPeer.connect(port: proxy.port)
                func ask(_ host: String) async throws -> String {
                    try await client.send("GET / HTTP/1.1\r\nHost: \(host).plane.test\r\n\r\n")
                    return try await client.receive(until: "\n")
                }
                #expect(try await ask("unknown").contains(Self.hsts) == (seconds != nil))
                let silent = try proxy.backend("silent")
                let first = silent.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\n")
                #expect(try await ask("silent").contains(Self.hsts) == (seconds != nil))
                _ = try await first.value
                let outspoken = try proxy.backend("outspoken")
                let second = outspoken.answerOnce("HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=0\r\nContent-Length: 1\r\n\r\n\n")
                let answer = try await ask("outspoken")
                #expect(answer.contains("max-age=0") && !answer.contains("max-age=600"))
                _ = try await second.value
            }
        }
    }

    @Test("in the clear nobody is told, for nobody may believe it")
    func plain() async throws {
        try await withProxy({ $0.strictTransportSecurity = 600 }) { proxy in
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 404 ") && !answer.contains("Strict-Transport"))
        }
    }
}
