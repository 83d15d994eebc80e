@testable import NATS
import Testing

@Suite("The time a stream took a message")
struct StreamTimeTests {
    @Test(
        "is read from the server's text to the nanosecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-02T00:00:01.5Z", 86_401_500_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000_000), ("2026-11-21T10:22:55.123456789Z", 1_795_256_575_123_456_789),
            ("2100-03-01T00:00:00.000000001Z", 4_107_542_400_000_000_001),
        ] as [(String, UInt64)])
    func reads(text: String, nanoseconds: UInt64) {
        #expect(StreamTime(rfc3339: text)?.nanoseconds == nanoseconds)
    }

    @Test(
        "is not guessed",
        arguments: [
            "", "Z", "2026-11-21T10:22:55", "2026-11-21T10:22:55.Z", "2026-11-21T10:22:55.1234567890Z",
            "2026-13-21T10:22:55Z", "2026-1x-21T10:22:55Z", "9999-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
            "2026-11-21T10:22:55+01:00",
        ])
    func refuses(text: String) {
        #expect(StreamTime(rfc3339: text) == nil)
    }
}
