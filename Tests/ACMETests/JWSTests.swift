import Crypto
import Foundation
import Testing

@testable import ACME
import TextEncodings

@Suite struct JWSTests {
    /// RFC 7515 appendix A.3.
    static let p256 = JSONWebKey.p256(
        x: Base64URL.decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".utf8) ?? [],
        y: Base64URL.decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".utf8) ?? [])

    @Test("the thumbprint of the RSA key of RFC 7638 §3.1 is the one printed there")
    func rsaThumbprint() throws {
        let modulus = try #require(
            Base64URL.decodePasted(
                """
                0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst\
                n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr\
                n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw
                """))
        let key = JSONWebKey.rsa(modulus: modulus, exponent: [1, 0, 1])
        #expect(key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test("a key on P-256 has its members in the thumbprint's order")
    func p256Thumbprint() {
        #expect(Self.p256.json.hasPrefix(#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2"#))
        #expect(Self.p256.thumbprint == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")
    }

    @Test("an external account's key, padded or not, signs the account's key as Python's hmac does", arguments: ["", "="])
    func externalAccount(padding: String) throws {
        let account = try ExternalAccount(keyID: "kid-1", key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" + padding)
        let jws = try account.binding(of: Self.p256, url: "https://ca.example/new-account")
        #expect(
            jws.protected
                == "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9jYS5leGFtcGxlL25ldy1hY2NvdW50In0")
        #expect(
            jws.payload
                == """
                eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImY4M09KM0QyeEYxQmc4dnViOXRMZTFnSE16Vjc2ZThUdXM5dVBIdlJWRVUiLCJ5Ijoie\
                F9GRXpSdTltMzZITE5fdHVlNjU5TE5wWFc2cEN5U3Rpa1lqS0lXSTVhMCJ9
                """)
        #expect(jws.signature == "qVxEFZoWxq7gwFG49FgJQD0SI4IEIny50cBTqlmSPJ4")
    }

    @Test("an RSA account key signs as openssl does with the same key")
    func rs256() throws {
        let key = try AccountKey(pem: AccountKeyTests.rsaPEM)
        let header = JWS.Header(
            algorithm: "RS256", signer: .keyID("https://ca.example/acct/1"), nonce: "oFvnlFP1wIhRlYS2jTaXbA",
            url: "https://ca.example/order")
        let jws = try JWS(header, payload: #"{"a":1}"#) { message throws(ACMEError) in try key.sign(message) }
        #expect(jws.payload == "eyJhIjoxfQ")
        #expect(
            jws.signature
                == """
                buuhZScepmIl2apHJQQP_j-teDq7qe1SxeEWbWuBI39eNsDZ8hyrH3Zp8ux6nHmYh4zSeMMGXDU5HNb19veqrHK0zJSUHTZzfZsgTy6jtH4hsXkV\
                nVX5xi9ew2ETBo6hqwjnarBdZ_X1f49gn6HTfCd5CPeoFmzRXo09ztHI47u0wkf6_q8ymSXrk57BDISDBCUjoYG2efLimaj2wafir5-6GOJuk4O8\
                8e2jTwjCdj6cdlS6qp3rjiR0tCMFLQ14X6Fc_7xikOYfBxXi10luyV4NRk4Q9tZFJV5xNHSTTTPitabv3hidLxwMrC8icI4BtzYYDYSBAcR5Ei5A\
                jxMNug
                """)
    }

    @Test("an ECDSA signature is r and s side by side, over both encoded parts")
    func es256() throws {
        let key = P256.Signing.PrivateKey()
        let account = try AccountKey(pem: key.pemRepresentation)
        let header = JWS.Header(algorithm: "ES256", signer: .key(try account.publicKey()), nonce: "n", url: "https://ca.example/x")
        let jws = try JWS(header, payload: "") { message throws(ACMEError) in try account.sign(message) }
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(jws.signature.utf8)))
        #expect(key.publicKey.isValidSignature(signature, for: Data("\(jws.protected).".utf8)))
    }

    @Test("what an authority named itself is escaped in the header")
    func escaping() throws {
        let header = JWS.Header(algorithm: "ES256", signer: .keyID("a\"b\\c\u{1}ü"), nonce: nil, url: "u")
        #expect(header.json == #"{"alg":"ES256","kid":"a\"b\\c\u0001ü","url":"u"}"#)
    }
}
