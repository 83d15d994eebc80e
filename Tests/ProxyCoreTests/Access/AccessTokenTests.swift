import Testing

@testable import DroneProxyPolicy
@testable import ProxyCore

@Suite("The token check")
struct AccessTokenTests {
    private static func verdict(_ fields: String, token: String = "s3cret") throws -> AccessVerdict {
        let bytes = Array("GET / HTTP/1.1\r\nHost: b.plane.test\r\n\(fields)\r\n".utf8)
        let (head, table) = try Translation.readRequest(bytes)
        return AccessVerdict.of(head, table.fields, bytes.span, token: AccessToken(token), origin: SameOriginCheck(isHTTPS: false, trustsForwarding: false))
    }

    @Test(
        "is passed by header or by cookie",
        arguments: [
            ("Authorization: Bearer s3cret\r\n", true), ("Authorization: bearer s3cret\r\n", true),
            ("Cookie: _plane_auth=s3cret\r\n", false), ("Cookie: a=b;_plane_auth=s3cret ; c=d\r\n", false),
            ("Cookie: a=b\r\nCookie: _plane_auth=wrong; _plane_auth=s3cret\r\n", false),
        ])
    func allowed(fields: String, usedAuthorization: Bool) throws {
        #expect(try Self.verdict(fields) == .allowed(usedAuthorization: usedAuthorization))
    }

    @Test("P8: a valid cookie lets the backend have an Authorization of its own")
    func ownAuthorization() throws {
        #expect(try Self.verdict("Authorization: Basic x\r\nCookie: _plane_auth=s3cret\r\n") == .allowed(usedAuthorization: false))
    }

    @Test(
        "P2: anything else shown is wrong, however short or odd",
        arguments: [
            "Authorization: \r\n", "Authorization: B\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer  s3cret\r\n",
            "Authorization: BEARER s3cret\r\n", "Authorization: Bearer s3cretx\r\n", "Authorization: Bearer s3cre\r\n",
            "Authorization: Basic s3cret\r\n",
        ])
    func wrong(fields: String) throws {
        #expect(try Self.verdict(fields) == .wrong)
    }

    @Test("nothing shown is missing", arguments: ["", "Cookie: a=b\r\n", "Cookie: \u{E9}=\u{E9}; _plane_auth\r\n", "Cookie: _plane_auth=\r\n"])
    func missing(fields: String) throws {
        #expect(try Self.verdict(fields) == .missing)
    }

    @Test("P4: a token that a cookie cannot hold is encoded in it, and adds nothing to it")
    func encoded() throws {
        let token = AccessToken("a;b, \"c\"\\%\r\né")
        #expect(String(decoding: token.cookieValue, as: UTF8.self) == "a%3Bb%2C%20%22c%22%5C%25%0D%0A%C3%A9")
        #expect(try Self.verdict("Cookie: _plane_auth=a%3Bb\r\n", token: "a;b") == .allowed(usedAuthorization: false))
    }

    @Test("an empty token opens for nobody who shows nothing")
    func empty() throws {
        #expect(try Self.verdict("", token: "") == .missing)
    }
}
