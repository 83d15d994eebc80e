import DroneProxyPolicy
import Foundation
import ProxyCore
import Testing

@Suite("Redirect server: P13, leads to HTTPS")
struct RedirectTests {
    private static func answer(_ request: String, httpsPort: UInt16 = 443) async throws -> String {
        try await withProxy(listener: ProxyListener(.redirect(httpsPort: httpsPort))) { try await $0.exchange(request) }
    }

    private static func location(_ response: String) -> String? {
        guard response.hasPrefix("HTTP/1.1 308 Permanent Redirect\r\n"), let field = response.range(of: "\r\nLocation: ") else { return nil }
        return String(response[field.upperBound...].prefix { $0 != "\r\n" })
    }

    @Test(
        "P13: the port of the HTTPS server takes the place of the one that came",
        arguments: [
            ("b-1.plane.test", 443, "https://b-1.plane.test/a?b=c"), ("b-1.plane.test:8080", 443, "https://b-1.plane.test/a?b=c"),
            ("b-1.plane.test:80", 8443, "https://b-1.plane.test:8443/a?b=c"), ("[::1]:80", 443, "https://[::1]/a?b=c"),
        ] as [(String, UInt16, String)])
    func port(host: String, httpsPort: UInt16, expected: String) async throws {
        let response = try await Self.answer(
            "GET /a?b=c HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n", httpsPort: httpsPort)
        #expect(Self.location(response) == expected)
    }

    @Test("P13: without a Host it is 400, with a sentence", arguments: ["HTTP/1.1", "HTTP/1.0"])
    func noHost(version: String) async throws {
        #expect(try await Self.answer("GET / \(version)\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    }

    @Test("an address in absolute form leads to the same place")
    func absolute() async throws {
        let response = try await Self.answer("GET http://b-1.plane.test HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
        #expect(Self.location(response) == "https://b-1.plane.test/")
    }

    @Test("a host that would lead elsewhere is refused", arguments: ["evil.example/@b-1.plane.test", "a@b", "a b", "%2F"])
    func hostile(host: String) async throws {
        #expect(try await Self.answer("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    }
}
