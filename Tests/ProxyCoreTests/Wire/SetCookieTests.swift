import NIOCore
import Testing

@testable import ProxyCore

@Suite("Cookies that backends set")
struct SetCookieTests {
    private static func seen(_ value: String, prefix: String? = nil) throws -> String {
        let rules = SetCookieRules(clusterSuffix: Array(".plane.test".utf8), pathPrefix: prefix.map { Array($0.utf8) })
        let response = try Translation.response("HTTP/1.1 200 OK\r\nA: 1\r\nSet-Cookie: \(value)\r\nB: 2\r\n\r\n", cookieRules: rules)
        let (start, end) = ("HTTP/1.1 200 OK\r\nA: 1\r\nSet-Cookie: ", "\r\nB: 2\r\n\r\n")
        #expect(response.hasPrefix(start) && response.hasSuffix(end))
        return String(decoding: response.utf8.dropFirst(start.utf8.count).dropLast(end.utf8.count), as: UTF8.self)
    }

    @Test(
        "are not for the whole cluster, nor for what is above it, however that is written",
        arguments: [
            "Domain=plane.test", "domain=.plane.test", "DOMAIN=PLANE.TEST", "Domain = plane.test ", "Domain=\t.Plane.Test\t", "Domain=test", "Domain=",
            "Domain", "Domain=.", "Domain=..plane.test", "Domain=plane.test.", "Domain=\"plane.test\"", "Domain=ｐlane.test", "Domain=other.example",
        ])
    func wide(attribute: String) throws {
        #expect(try Self.seen("a=b; \(attribute); Path=/x; Secure") == "a=b; Path=/x; Secure")
        #expect(try Self.seen("a=b;\(attribute)") == "a=b")
        #expect(try Self.seen("a=b; Domain=b-1.plane.test; \(attribute)") == "a=b; Domain=b-1.plane.test")
    }

    @Test(
        "stay as they are, byte for byte, where they are the backend's own",
        arguments: [
            "a=b", "a=b;Path=/;  HttpOnly ;SameSite=Lax", "a=b; Domain=b-1.plane.test", "a=b; domain=.B-1.Plane.Test", "a=\"Domain=plane.test\"",
            "a=Domain=plane.test", "", "a", "; ;", "a=b; XDomain=plane.test; Path=/_plane_backend=other",
        ])
    func own(value: String) throws {
        #expect(try Self.seen(value) == value)
    }

    @Test(
        "stay below the backend's prefix where paths name backends",
        arguments: [
            ("a=b", "a=b; Path=/_plane_backend=b-1"), ("a=b; Path=/", "a=b; Path=/_plane_backend=b-1"),
            ("a=b; Path=/app; Secure", "a=b; Secure; Path=/_plane_backend=b-1/app"), ("a=b; Path=x", "a=b; Path=/_plane_backend=b-1"),
            ("a=b; path=/x; PATH=/y", "a=b; Path=/_plane_backend=b-1/y"), ("a=b; Path", "a=b; Path=/_plane_backend=b-1"),
            ("a=b; Path=/_plane_backend=other", "a=b; Path=/_plane_backend=b-1/_plane_backend=other"),
            ("a=b; Domain=localhost; Max-Age=1", "a=b; Max-Age=1; Path=/_plane_backend=b-1"),
            ("a=b; Domain=x.plane.test", "a=b; Path=/_plane_backend=b-1"),
        ])
    func byPath(value: String, expected: String) throws {
        #expect(try Self.seen(value, prefix: "/_plane_backend=b-1") == expected)
    }

    @Test("a path too long for browsers to read is none, so that they choose none by themselves")
    func longPath() throws {
        let value = "a=b; Path=/\(String(repeating: "x", count: 1020))"
        #expect(try Self.seen(value, prefix: "/_plane_backend=b-1") == "a=b; Path=/_plane_backend=b-1")
    }

    @Test("every Set-Cookie field is read, of interim responses too")
    func several() throws {
        let rules = SetCookieRules(clusterSuffix: Array(".plane.test".utf8))
        let sent = "HTTP/1.1 103 Early Hints\r\nset-cookie:a=b;domain=plane.test\r\nSET-COOKIE: c=d\r\nSet-Cookie:e=f; Domain=test\r\n\r\n"
        #expect(
            try Translation.response(sent, cookieRules: rules)
                == "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\nSET-COOKIE: c=d\r\nSet-Cookie: e=f\r\n\r\n")
    }
}
