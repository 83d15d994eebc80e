import Foundation
import JSONValues
import Testing

@testable import PlaneProtocol

@Suite("Documents that others write and read")
struct HandTypedTests {
    @Test("a request typed by hand is read: any order of keys, any white space, escapes where nobody needs them")
    func typedByHand() throws {
        let typed = """
            {
            \t"lock" : "doc\\u002d42",
              "executable": {"env":{ "GREETING" : "Gr\\u00fc\\u00df Gott \\ud83d\\ude00" , "PATH":"\\/bin" } ,
                             "image"  :  "registry.example/app"  },
              "metadata": { },\r
              "max_idle_secs": 30,
              "cluster": "plane.test"
            }

            """
        let request = ScheduleRequest(
            cluster: Sample.cluster, maxIdle: 30,
            executable: DockerExecutableConfig(image: "registry.example/app", env: ["GREETING": "Grüß Gott 😀", "PATH": "/bin"]),
            lock: "doc-42")
        #expect(try WireCodec.decode(from: Array(typed.utf8), subject: "cluster.plane_test.schedule") == request)
    }

    @Test("everything Foundation writes is read as the same value", arguments: try Self.goldenNames())
    func readsFoundation(name: String) throws {
        let payload = try GoldenFile(name).payload
        let value = try WireCodec.decode(JSONValue.self, from: payload)
        // Foundation cannot keep a number of more than 64 bits.
        guard !String(decoding: payload, as: UTF8.self).contains("18446744073709551616") else { return }
        let object = try JSONSerialization.jsonObject(with: Data(payload), options: .fragmentsAllowed)
        for options: JSONSerialization.WritingOptions in [[.fragmentsAllowed], [.fragmentsAllowed, .prettyPrinted, .sortedKeys]] {
            let rewritten = try JSONSerialization.data(withJSONObject: object, options: options)
            #expect(Self.sameNumbers(try WireCodec.decode(JSONValue.self, from: Array(rewritten))) == Self.sameNumbers(value))
        }
    }

    @Test("everything we write is read by Foundation as the same text, with every character there is to escape")
    func readByFoundation() throws {
        let text = String(String.UnicodeScalarView((0...0x2FF).compactMap { Unicode.Scalar($0) })) + "\u{2028}\u{FEFF}\u{FFFF}😀e\u{301}"
        let payload = WireCodec.encode([text])
        let read = try #require(try JSONSerialization.jsonObject(with: Data(payload)) as? [String])
        #expect(read.first.map { Array($0.utf8) } == Array(text.utf8))
        #expect(try WireCodec.decode([String].self, from: payload).first.map { Array($0.utf8) } == Array(text.utf8))
    }

    // No byte makes an exponent: Foundation refuses numbers no double can hold, we let those pass where nobody asks for the value.
    @Test("what we accept Foundation accepts, for every golden file with any byte changed", arguments: try Self.goldenNames())
    func stricterThanFoundation(name: String) throws {
        let payload = try GoldenFile(name).payload
        for index in payload.indices {
            for byte: UInt8 in [0x20, 0x22, 0x2C, 0x2D, 0x30, 0x5C, 0x7D, 0xC3] where payload[index] != byte {
                var changed = payload
                changed[index] = byte
                guard (try? JSONDocument(changed)) != nil else { continue }  // refused by us, as it may be
                let isRead = (try? JSONSerialization.jsonObject(with: Data(changed), options: .fragmentsAllowed)) != nil
                #expect(isRead, "\(String(decoding: changed, as: UTF8.self))")
            }
        }
    }

    private static func goldenNames() throws -> [String] {
        let folder = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).map { String($0.dropLast(".json".count)) }.sorted()
    }

    /// 3.0, 3 and 0.30e1 are one number written in three ways; Foundation chooses its own.
    private static func sameNumbers(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number):
            // Beyond 2^53 a double would not tell neighbours apart; there the digits must be the same.
            .number(Double(number.literal).flatMap { $0.magnitude < 0x1p53 ? JSONNumber($0) : nil } ?? number)
        case .array(let elements): .array(elements.map(self.sameNumbers))
        case .object(let members): .object(members.mapValues(self.sameNumbers))
        case .null, .bool, .string: value
        }
    }
}
