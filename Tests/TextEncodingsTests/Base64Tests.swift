import Testing
import TextEncodings

@Suite struct Base64Tests {
    @Test(
        "base64 as RFC 4648 has it",
        arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")])
    func vectors(bytes: String, text: String) {
        #expect(Base64.encode(Array(bytes.utf8)) == text)
        #expect(Base64.decode(Array(text.utf8)) == Array(bytes.utf8))
    }

    @Test("what is no base64 is none", arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm8-", "Zm 8", "=m9v"])
    func refused(text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }

    @Test("every byte survives base64")
    func allBytes() {
        let bytes = (0...255).map { UInt8($0) }
        for count in 0...bytes.count { #expect(Base64.decode(Array(Base64.encode(Array(bytes.prefix(count))).utf8)) == Array(bytes.prefix(count))) }
    }
}

@Suite struct Base64URLTests {
    private static let bytes: [UInt8] = [3, 236, 255, 224, 193]

    @Test("bytes become unpadded base64url (RFC 7515 appendix C) and come back")
    func vector() {
        #expect(Base64URL.encode(Self.bytes) == "A-z_4ME")
        #expect(Base64URL.decode("A-z_4ME".utf8) == Self.bytes)
    }

    @Test("a value is written in one way", arguments: ["A", "AB", "A===", "AA==", "A+", "A/", "ABCDE", "A-z_4ME="])
    func strict(text: String) { #expect(Base64URL.decode(text.utf8) == nil) }

    @Test("what people paste may have padding, the other alphabet and unused bits", arguments: ["A-z_4ME", "A-z_4ME=", "A+z/4ME=", "A+z/4ME", "A-z_4MF"])
    func pasted(text: String) { #expect(Base64URL.decodePasted(text) == Self.bytes) }

    @Test("nothing else is read of it", arguments: ["A", "A-z_4", "a b=", "ä", "A-z.4ME", "A=z_4ME"])
    func notPasted(text: String) { #expect(Base64URL.decodePasted(text) == nil) }

    @Test("every length goes there and back")
    func roundTrip() {
        for length in 0...70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
    }

    @Test("a text of the alphabet is not empty and not endless")
    func text() {
        #expect(Base64URL.isText("oFvnlFP1wIhRlYS2jTaXbA", lengthLimit: 22))
        #expect(!Base64URL.isText("oFvnlFP1wIhRlYS2jTaXbA", lengthLimit: 21))
        #expect(!Base64URL.isText("", lengthLimit: 22))
        #expect(!Base64URL.isText("a\r\nb", lengthLimit: 22))
    }
}
