import Testing
import TextEncodings

@Suite struct PercentEncodingTests {
    @Test(
        "all but unreserved characters are escaped", arguments: [("a-Z_0.9~", "a-Z_0.9~"), ("a&b=c/ü", "a%26b%3Dc%2F%C3%BC"), ("%", "%25"), ("\u{1}", "%01")])
    func encode(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded.utf8) == text)
    }

    @Test("escapes in either case are read, and everything else as it is", arguments: [("%c3%Bc", "ü"), ("a+b", "a+b"), ("", ""), ("ü", "ü")])
    func decode(encoded: String, text: String) { #expect(PercentEncoding.decode(encoded.utf8) == text) }

    @Test("an invalid escape, and what is not UTF-8, is no text", arguments: ["%", "%4", "%4g", "%+1", "% 1", "a%", "%ff", "%C3"])
    func refused(encoded: String) { #expect(PercentEncoding.decode(encoded.utf8) == nil) }
}
