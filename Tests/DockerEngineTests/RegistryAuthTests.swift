@testable import DockerEngine
import Foundation
import Testing

@Suite("A registry's credentials")
struct RegistryAuthTests {
    private static func fields(_ auth: RegistryAuth) throws -> [String: String] {
        let header = try auth.headerValue(serverAddress: "ghcr.io")
        #expect(!header.contains("+") && !header.contains("/"))
        let plain = header.replacing("-", with: "+").replacing("_", with: "/")
        return try JSONDecoder().decode([String: String].self, from: #require(Data(base64Encoded: plain)))
    }

    @Test("travel as URL-safe base64 of JSON")
    func header() throws {
        #expect(
            try Self.fields(.usernamePassword(username: "ü?>", password: "p~~~ÿÿÿ")) == [
                "username": "ü?>", "password": "p~~~ÿÿÿ", "serveraddress": "ghcr.io",
            ])
        #expect(try Self.fields(.identityToken("t0k")) == ["identitytoken": "t0k", "serveraddress": "ghcr.io"])
    }

    @Test("never print themselves", arguments: [RegistryAuth.usernamePassword(username: "u", password: "hunter2"), .identityToken("hunter2")])
    func redacted(auth: RegistryAuth) {
        var dumped = ""
        dump([auth], to: &dumped)
        #expect(!"\(auth) \(String(reflecting: auth)) \([auth]) \(dumped)".contains("hunter2"))
    }
}
