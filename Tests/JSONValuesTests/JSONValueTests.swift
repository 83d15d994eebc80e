import Foundation
import JSONValues
import Testing

@Suite("Any JSON value")
struct JSONValueTests {
    @Test(
        "comes out of Foundation's coders as it went in",
        arguments: [
            "null", "true", "-9223372036854775808", "9223372036854775807", "0.25", #""a\"b""#, "[1,[2,{}],null]",
            #"{"a":{"b":[false,"x",3]},"max_age":30000000000}"#,
        ])
    func roundTrip(text: String) throws {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(value), as: UTF8.self) == text)
    }

    @Test("a whole number is one, and nothing else is")
    func integers() {
        #expect(JSONValue.number(JSONNumber(7)).integer == 7)
        for value: JSONValue in [.string("7"), .number(JSONNumber(literal: "7.5")), .number(JSONNumber(UInt64.max)), .null] { #expect(value.integer == nil) }
    }

    @Test("infinity and NaN are no numbers of JSON")
    func finite() {
        #expect(JSONNumber(Double.infinity) == nil && JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(0.5)?.literal == "0.5")
    }
}
