import DNSCore
import Testing

@Suite struct DNSNameTests {
    @Test("text is read with or without the final dot, in lower case", arguments: ["plane.test", "Plane.TEST.", "pLaNe.TeSt"])
    func text(_ text: String) {
        #expect(DNSName(text)?.wire == [5] + Array("plane".utf8) + [4] + Array("test".utf8) + [0])
        #expect(DNSName(text)?.description == "plane.test.")
    }

    @Test("the empty text and a lone dot are the root", arguments: ["", "."])
    func root(_ text: String) {
        #expect(DNSName(text) == .root)
        #expect(DNSName(text)?.description == ".")
    }

    @Test(
        "what breaks a limit or has an empty label is no name",
        arguments: ["a..b", ".a", "a..", String(repeating: "x", count: 64) + ".test", Array(repeating: "abcdefg", count: 32).joined(separator: ".")])
    func refused(_ text: String) {
        #expect(DNSName(text) == nil)
    }

    @Test("63 bytes of label and 255 bytes of name are just allowed")
    func limits() {
        let label = String(repeating: "x", count: 63)
        let longest = [label, label, label, String(repeating: "x", count: 61)].joined(separator: ".")
        #expect(DNSName(longest)?.wire.count == 255)
        #expect(DNSName(longest + "x") == nil)
        #expect(DNSName(longest)?.child("y") == nil)
    }

    @Test(
        "an e-mail address becomes a name whose first label keeps its dots",
        arguments: [("foo.bar@baz.com", #"foo\.bar.baz.com."#), ("foo@bar.com", "foo.bar.com.")])
    func mailbox(_ email: String, _ name: String) {
        #expect(DNSName(mailbox: email)?.description == name)
    }

    @Test("what is not one @ between two parts is no mailbox", arguments: ["foo.bar.com", "a@b@c", "@bar.com", "foo@", "foo@bar..com"])
    func noMailbox(_ email: String) {
        #expect(DNSName(mailbox: email) == nil)
    }

    @Test("a name is within itself and what is above it, never within a part of a label")
    func within() throws {
        let name = try #require(DNSName("a.plane.test"))
        for zone in ["a.plane.test", "plane.test", "test", "."] { #expect(name.isWithin(try #require(DNSName(zone)))) }
        for zone in ["lane.test", "b.plane.test", "x.a.plane.test", "planet"] { #expect(!name.isWithin(try #require(DNSName(zone)))) }
    }
}
