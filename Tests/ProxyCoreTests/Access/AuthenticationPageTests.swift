import Testing

@testable import DroneProxyPolicy
@testable import ProxyCore

@Suite("/_plane_auth")
struct AuthenticationPageTests {
    private static func page(_ path: String) -> AuthenticationPage? {
        let bytes = Array(path.utf8)
        return AuthenticationPage(bytes.span, path: 0..<bytes.count)
    }

    private static func location(_ redirect: String) -> String? {
        Self.page("/_plane_auth?token=t&redirect=\(redirect)")?.location.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("token and redirect are read as a form")
    func form() {
        let page = Self.page("/_plane_auth?x=y&token=a%2Bb+c&redirect=%2Fp%3Fq%3D1&token=other")
        #expect(page?.token.map { String(decoding: $0, as: UTF8.self) } == "a+b c")
        #expect(page?.location.map { String(decoding: $0, as: UTF8.self) } == "/p?q=1")
    }

    @Test("other paths are not this page", arguments: ["/", "/_plane_auth/", "/_plane_authx?token=t", "/_PLANE_AUTH?token=t", "/a/_plane_auth"])
    func otherPaths(path: String) {
        #expect(Self.page(path) == nil)
    }

    @Test("without a redirect the root is meant, without a query there is no token")
    func defaults() {
        #expect(Self.page("/_plane_auth")?.location == [UInt8(ascii: "/")])
        #expect(Self.page("/_plane_auth")?.token == nil)
        #expect(Self.page("/_plane_auth?token")?.token == [])
        #expect(Self.page("/_plane_auth?token=%zz%4")?.token == Array("%zz%4".utf8))
    }

    @Test(
        "P3: no redirect leaves the site",
        arguments: [
            "//evil.example", "/%2Fevil.example", "/%5Cevil.example", "/\\evil.example", "https://evil.example", "evil", "",
            "/%09/evil.example", "/%0d%0aSet-Cookie:%20a=b", "/a%00", "javascript:alert(1)", "%20/a", "\\/evil.example",
        ])
    func openRedirect(redirect: String) {
        #expect(Self.location(redirect) == nil)
    }

    @Test("a path that a header cannot hold is encoded again")
    func encoded() {
        #expect(Self.location("/a%20b%C3%A5%5C") == "/a%20b%C3%A5%5C")
        #expect(Self.location("/a?b=c%26d#e") == "/a?b=c&d#e")
    }
}
