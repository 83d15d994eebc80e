import JSONValues
import Testing

@testable import PlaneProtocol

@Suite("Payloads nobody should send")
struct HostileInputTests {
    @Test(
        "text that is not JSON is refused with the place",
        arguments: [
            ("", "found the end at byte 0"), ("{", "found the end at byte 1"), ("{\"cluster\"", "found the end at byte 10"),
            ("{\"a\":1}x", "found 'x' at byte 7"), ("{\"a\":1,}", "found '}' at byte 7"), ("{a:1}", "found 'a' at byte 1"),
            ("[1,]", "found ']' at byte 3"), ("[01]", "found '1' at byte 2"), ("[1.]", "found ']' at byte 3"), ("[-]", "found ']' at byte 2"),
            ("[1e]", "found ']' at byte 3"), ("[+1]", "found '+' at byte 1"), ("[.5]", "found '.' at byte 1"), ("[NaN]", "found 'N' at byte 1"),
            ("nulL", "found 'n' at byte 0"), ("[tru]", "found 't' at byte 1"), ("\u{FEFF}{}", "found byte 239 at byte 0"),
            ("\"a", "found the end at byte 2"), ("\"a\nb\"", "found byte 10 at byte 2"), ("\"\\x\"", "found '\\' at byte 1"),
            ("\"\\u12\"", "found '\\' at byte 1"), ("\"\\ud83d\"", "found '\\' at byte 1"), ("\"\\ud83d\\u0041\"", "found '\\' at byte 1"),
            ("\"\\ude00\"", "found '\\' at byte 1"), ("'a'", "found ''' at byte 0"), ("{\"a\" 1}", "found '1' at byte 5"),
            ("{\"a\":1 \"b\":2}", "found '\"' at byte 7"), ("/**/{}", "found '/' at byte 0"),
        ])
    func notJSON(text: String, place: String) throws {
        let error = try #require(throws: MessageError.self) { try WireCodec.decode(JSONValue.self, from: Array(text.utf8)) }
        #expect(error.description.contains(place))
    }

    @Test("bytes that are not UTF-8 are refused wherever they stand")
    func notUTF8() {
        for bad: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] {
            let unknownKey = Array("{\"drone\":\"d\",\"cluster\":\"c\",\"drain\":true,\"x\":\"".utf8) + bad + Array("\"}".utf8)
            #expect(throws: MessageError(expected: "UTF-8 text", found: "bytes that are not UTF-8")) {
                try WireCodec.decode(DrainDrone.self, from: unknownKey)
            }
            #expect(throws: MessageError.self) { try WireCodec.decode(DrainDrone.self, from: bad) }
        }
    }

    @Test("nesting is bounded", arguments: ["[", "{\"a\":", "[{\"a\":"])
    func nesting(opening: String) {
        let bomb = Array(String(repeating: opening, count: 1_000_000).utf8)
        #expect(throws: MessageError(expected: "at most 128 levels of nesting", found: "more")) {
            try WireCodec.decode(JSONValue.self, from: bomb)
        }
        let deepest = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(throws: Never.self) { try WireCodec.decode(JSONValue.self, from: Array(deepest.utf8)) }
    }

    @Test("a document of more than 8 MiB is not even looked at")
    func size() {
        let blanks = [UInt8](repeating: 0x20, count: 8 << 20)
        #expect(throws: MessageError(expected: "at most 8388608 bytes", found: "8388609")) {
            try WireCodec.decode(JSONValue.self, from: blanks + Array("1".utf8))
        }
    }

    @Test("a key given twice is refused, since readers differ in which one they take")
    func duplicateKeys() {
        let twice = #"{"drone":"a","cluster":"c","drain":true,"dr\u0061in":false}"#
        #expect(throws: MessageError(path: [.key("drain")], expected: "one value", found: "several")) {
            try WireCodec.decode(DrainDrone.self, from: Array(twice.utf8))
        }
        #expect(throws: MessageError(path: [.key("A")], expected: "one value", found: "several")) {
            try WireCodec.decode([String: String].self, from: Array(#"{"A":"1","B":"","A":"2"}"#.utf8))
        }
    }

    @Test("a key may be written with escapes")
    func escapedKey() throws {
        let escaped = #"{"\u0064rone":"a","cluster":"c","drain":true}"#
        #expect(try WireCodec.decode(DrainDrone.self, from: Array(escaped.utf8)) == DrainDrone(drone: "a", cluster: "c", drain: true))
    }

    @Test(
        "an integer is written as one, and fits",
        arguments: [
            ("3.0", "a number with a fraction or an exponent"), ("3e0", "a number with a fraction or an exponent"),
            ("-0", "a number with a fraction or an exponent"), ("\"3\"", "a string"), ("true", "a boolean"), ("null", "null"),
            ("-1", "one outside of that"), ("18446744073709551616", "one outside of that"),
            ("1" + String(repeating: "0", count: 5000), "one outside of that"), ("[3]", "an array"), ("{}", "an object"),
        ])
    func integers(literal: String, found: String) throws {
        let request = #"{"cluster":"c","max_idle_secs":\#(literal),"metadata":{},"executable":{"image":"i","env":{}}}"#
        let error = try #require(throws: MessageError.self) { try WireCodec.decode(ScheduleRequest.self, from: Array(request.utf8)) }
        #expect(error.pathDescription == "max_idle_secs")
        #expect(error.found == found)
    }

    @Test("a small integer that does not fit says what would", arguments: [("65536", "65535"), ("-1", "65535")])
    func port(literal: String, largest: String) throws {
        let error = try #require(throws: MessageError.self) {
            try WireCodec.decode(DockerExecutableConfig.self, from: Array(#"{"image":"i","env":{},"port":\#(literal)}"#.utf8))
        }
        #expect(error.description == "port: expected an integer from 0 to \(largest), found one outside of that")
    }

    @Test("a boolean is true or false", arguments: ["1", "0", "\"true\"", "null", "[]"])
    func booleans(literal: String) {
        #expect(throws: MessageError.self) {
            try WireCodec.decode(DrainDrone.self, from: Array(#"{"drone":"a","cluster":"c","drain":\#(literal)}"#.utf8))
        }
    }

    @Test("a number too large for a double is refused")
    func doubles() throws {
        #expect(throws: MessageError.self) { try WireCodec.decode([Double].self, from: Array("[1e999]".utf8)) }
        #expect(try WireCodec.decode([Double].self, from: Array("[1e-999, 12, -0.5]".utf8)) == [0, 12, -0.5])
    }

    @Test("a lock is at most 2048 bytes long, in every message that has one")
    func lockLength() throws {
        let longest = String(repeating: "x", count: 2048)
        for (lock, isAccepted) in [(longest, true), (longest + "x", false), (String(repeating: "é", count: 1025), false)] {
            let schedule = #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{}},"lock":"\#(lock)"}"#
            let fetch = #"{"cluster":"c","lock":"\#(lock)"}"#
            let announce = #"{"cluster":"c","LockMessage":{"lock":"\#(lock)","uid":1,"message":"Announce"}}"#
            let assignment =
                #"{"cluster":"c","BackendMessage":{"backend":"b","Assignment":{"drone":"d","lock_assignment":{"lock":"\#(lock)","uid":1}}}}"#
            #expect(Self.isReadable(ScheduleRequest.self, schedule) == isAccepted)
            #expect(Self.isReadable(FetchBackendForLock.self, fetch) == isAccepted)
            #expect(Self.isReadable(StateMessage.self, announce) == isAccepted)
            #expect(Self.isReadable(StateMessage.self, assignment) == isAccepted)
        }
    }

    @Test("every payload of the golden files, cut anywhere or with any byte changed, is read or refused")
    func mutations() throws {
        let names = ["M01-schedule-request.full", "M08-update-state.ready-with-phases", "M14-assignment-with-lock", "M15-log-event.controller"]
        for name in names {
            let payload = try GoldenFile(name).payload
            for length in 0..<payload.count { Self.readAsEverything(Array(payload[..<length])) }
            for index in payload.indices {
                for byte: UInt8 in [0, 0x22, 0x5C, 0x7B, 0x39, 0x2D, 0xFF] {
                    var changed = payload
                    changed[index] = byte
                    Self.readAsEverything(changed)
                }
            }
        }
    }

    private static func isReadable<Value: JSONDecodable>(_: Value.Type, _ text: String) -> Bool {
        (try? WireCodec.decode(Value.self, from: Array(text.utf8))) != nil  // only whether it can be read is asked
    }

    /// What comes out does not matter here; that it comes out does. What was read can be written and read again.
    private static func readAsEverything(_ payload: [UInt8]) {
        for type: any JSONCodable.Type in [ScheduleRequest.self, UpdateBackendStateMessage.self, StateMessage.self, LogMessage.self] {
            guard let value = try? WireCodec.decode(type, from: payload) else { continue }
            #expect(throws: Never.self) { try WireCodec.decode(type, from: WireCodec.encode(value)) }
        }
    }
}
