import Foundation
import Testing

@testable import ACME

@Suite struct Base64URLTests {
    @Test("bytes become unpadded base64url (RFC 7515 appendix C) and come back")
    func vector() {
        #expect(JWSBase64URL.encode([3, 236, 255, 224, 193]) == "A-z_4ME")
        #expect(JWSBase64URL.decode("A-z_4ME") == Data([3, 236, 255, 224, 193]))
    }

    @Test("padding and the plain alphabet are read too", arguments: ["A-z_4ME=", "A+z/4ME=", "A+z/4ME"])
    func lenient(text: String) {
        #expect(JWSBase64URL.decode(text) == Data([3, 236, 255, 224, 193]))
    }

    @Test("anything else is nothing", arguments: ["A", "A-z_4", "a b=", "ä", "A-z.4ME"])
    func refused(text: String) {
        #expect(JWSBase64URL.decode(text) == nil)
    }

    @Test("every length goes there and back")
    func roundTrip() {
        for length in 0...70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            #expect(JWSBase64URL.decode(JWSBase64URL.encode(bytes)) == Data(bytes))
        }
    }

    @Test("a nonce is of the alphabet, not empty and not endless")
    func validity() {
        #expect(JWSBase64URL.isValid("oFvnlFP1wIhRlYS2jTaXbA", lengthLimit: 22))
        #expect(!JWSBase64URL.isValid("oFvnlFP1wIhRlYS2jTaXbA", lengthLimit: 21))
        #expect(!JWSBase64URL.isValid("", lengthLimit: 22))
        #expect(!JWSBase64URL.isValid("a\r\nb", lengthLimit: 22))
    }
}
