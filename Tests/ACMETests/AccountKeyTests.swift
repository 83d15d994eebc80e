import CryptoExtras
import Testing

@testable import ACME

@Suite struct AccountKeyTests {
    @Test("a new key is on P-256 and comes back from its file")
    func newKey() throws {
        let key = AccountKey()
        #expect(key.algorithm == "ES256")
        #expect(try AccountKey(pem: key.pem).publicKey() == key.publicKey())
    }

    @Test("C6: the RSA key of an existing account is used on, not replaced")
    func rsa() throws {
        let key = try AccountKey(pem: Self.rsaPEM)
        #expect(key.algorithm == "RS256")
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----"))
        #expect(try AccountKey(pem: key.pem).publicKey() == key.publicKey())
    }

    @Test("what is no key says what was expected", arguments: ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func unreadable(pem: String) throws {
        let error = try #require(throws: ACMEError.self) { try AccountKey(pem: pem) }
        #expect(error.code == .invalidInput)
        #expect(error.description.contains("P-256"))
    }

    @Test("keys do not show themselves")
    func redacted() throws {
        #expect("\(AccountKey())" == "account key <redacted>")
        #expect("\(try ExternalAccount(keyID: "k", key: "c2VjcmV0"))" == "external account k, key <redacted>")
    }

    @Test("C6: an unusable key of an external account is an error, not the end of the process", arguments: ["", "=", "not base64!"])
    func externalAccountKey(key: String) throws {
        let error = try #require(throws: ACMEError.self) { try ExternalAccount(keyID: "k", key: key) }
        #expect(error.code == .invalidInput)
    }

    /// PKCS#8, 2048 bits, made by openssl for these tests.
    static let rsaPEM = """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCiyDLZXQZSe+yT
        PXBUSa52c93szDiXl9aLuaYIIeeSAwdq8gYI7JSBgEXFCKN3GG4nAVwQABZ7v33C
        kbf6CHfOCM/T+r+jtoE5Hb2u4r7ZNvWxgo9d1j2gv+w+AJshSvOc/AhcbdhpkfnH
        oxMAcHczQ2ZX6iXYg+okM3G7RrziPg8AMVVkzTcuFlgaG/iZM+U6tphQHan2PRwg
        6ucUS2JhavqyblcncuJjoE8R/3PffouSXUYDhohAKezO06TbaAGrKxVjHVsHnQFX
        Dm643W1h08swcfLcp63mbaJiHsiQmPAY81dUdHjGdCJ4Aj4D2/f1awE7oV3y9jmA
        4H52ZMoHAgMBAAECggEAFzuZk6UPmkWDo2mDwb6ZFDY/Tg/BDVR804kV+wJ+dDwo
        b97GdmRFtyH2qJjYs85x0katvBQ3IUcDDPpn7AYPYKxTSpRMNnJ9iQhcopGhiYuq
        5MCXSQj4ghvs/NXF+P94kPGhGTK4TiupHxGATHIWITk/vyZ1FleQMHCDN/vFnkiL
        h11J2xQ1uIxYU9WvopTU5qeVg9Z6hZfJB9M2U3pROAwbBmdb4B2c0IFu82o1WOHd
        m9OZUevQmskgilAA+RlUgGcvJIhCk6U36yhN6iprAcBpDHw/oFPu1C4q6VixCjkk
        dyMZCKlsZe1folqFqHr3EaabfSib21/cRUEQag7YaQKBgQDWCH3I098PgPnpzutP
        7adUIVcy+e6gNrP1cZ88QK+VN+961qSCEdmMYUK52N/Zkz6wb8RSmApokbt/EcWk
        POwF7N6hGtYdeC/0ud04a6teGTQ0oyS9uxpbpgEf45bEb+ddCu9vWvwClewVnV+X
        ZRWUHn/usqjF7VyH7Ra8fRgmDQKBgQDCsyEAJ0QgVr3ykBrOOzInag+vB5k6lzZ/
        gfTy/3RMTuVg+PGu2u8YCu8zWMjzNTxGhWTIGU0k7cw9kPUibRDhoa3ow2HEYdy+
        qDA+PBu0I/SxVwL/huJJ2KZpKfaHzVKmMjyAHa0gg+KgRUmxPUK2S19zUWsmk/s6
        YeT9YRyfYwKBgGwIrTUJfLYerAbQYwZdNvDIQ3N/pGtKMVvalj2biQUQzth6L19Y
        Ey9AiKW2SodQQ3xbbgUiqV5O8Q0as2BLP/ddsKIxIZKOb+ZfSsKH1mAQ6MEI+Cqs
        nolUKY0nG5rbwTS9qE3U5w+HDTt7zBxm8ZVqL7kUhQwi22ngynEp016hAoGAf6CM
        cV1L+ybhPK/Z4nZLWircPQ/uEcotn0fBGcj6o0rUccy+ILDDKi+AvVfl4gdzi4bF
        maV8PEjlKTZsejSkbENfjMUGwYSk/xWhCiq8vkkTjWxMOtRgYafy7dzkDgE5vFgR
        8KmDY10QoZ7Jv7U4leaymxUz+AXpGUwynyWZbaECgYA6pYRkhvxX2xeOUpn5yITG
        b83+7e6wBpP5jL/5vfTq69l21U8LE9yrsece2TGFWLqHo6cWvsUExZZz9yIA+4H6
        Fe1FGzKoz1UOSKVu1RjiLHnsX72Xzd6KvH19XWUsGKAbVlVdLmUb5KoU26AkVCgP
        c8pXnbHapdLRNEYw8PBskA==
        -----END PRIVATE KEY-----
        """
}
