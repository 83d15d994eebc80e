@testable import DockerEngine
import Testing

@Suite("A time of the engine")
struct EngineTimestampTests {
    @Test(
        "is read to the nanosecond, with any offset",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2024-03-11T09:15:31.100000001Z", 1_710_148_531, 100_000_001),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199, 500_000_000),
            ("2024-03-11T11:15:31.1+02:00", 1_710_148_531, 100_000_000),
            ("2024-03-11T05:45:31-03:30", 1_710_148_531, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ] as [(String, Int64, Int64)])
    func read(text: String, seconds: Int64, nanoseconds: Int64) {
        #expect(EngineTimestamp(rfc3339: text) == EngineTimestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        "does not read what is none, nor Go's way to say never",
        arguments: [
            "", "Z", "0001-01-01T00:00:00Z", "2024-03-11 09:15:31Z", "2024-13-11T09:15:31Z", "2024-03-11T24:15:31Z",
            "2024-03-11T09:15:31", "2024-03-11T09:15:31.Z", "2024-03-11T09:15:31.1234567890Z", "2024-03-11T09:15:31Zx",
            "2024-03-11T09:15:31+2:00", "２024-03-11T09:15:31Z",
        ])
    func unreadable(text: String) {
        #expect(EngineTimestamp(rfc3339: text) == nil)
    }

    @Test("goes back to the daemon with nine digits")
    func query() {
        #expect(EngineTimestamp(seconds: 12, nanoseconds: 34).queryValue == "12.000000034")
        #expect(EngineTimestamp(nanosecondsSince1970: 1_500_000_000).queryValue == "1.500000000")
        #expect(EngineTimestamp(nanosecondsSince1970: .min).queryValue == "0.000000000")
    }

    @Test("is followed by the next nanosecond")
    func next() {
        #expect(EngineTimestamp(seconds: 1, nanoseconds: 999_999_999).next == EngineTimestamp(seconds: 2))
        #expect(EngineTimestamp(seconds: 1).next == EngineTimestamp(seconds: 1, nanoseconds: 1))
        let last = EngineTimestamp(seconds: .max, nanoseconds: 999_999_999)
        #expect(last.next == last)
        #expect(EngineTimestamp(seconds: 1, nanoseconds: 5) < EngineTimestamp(seconds: 2))
    }
}
