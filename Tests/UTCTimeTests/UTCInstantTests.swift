import Testing
import UTCTime

@Suite("A moment of UTC")
struct UTCInstantTests {
    @Test(
        "RFC 3339 is read to the nanosecond and written with 0, 3, 6 or 9 digits",
        arguments: [
            ("2024-03-11T09:15:30.123456789Z", 1_710_148_530, 123_456_789, "2024-03-11T09:15:30.123456789Z"),
            ("2024-03-11T09:15:30Z", 1_710_148_530, 0, "2024-03-11T09:15:30Z"),
            ("2024-03-11T09:15:30.5Z", 1_710_148_530, 500_000_000, "2024-03-11T09:15:30.500Z"),
            ("2024-03-11T09:15:30.000250Z", 1_710_148_530, 250_000, "2024-03-11T09:15:30.000250Z"),
            ("2024-03-11t10:45:30.1234567891+01:30", 1_710_148_530, 123_456_789, "2024-03-11T09:15:30.123456789Z"),
            ("2024-03-11 04:15:30-05:00", 1_710_148_530, 0, "2024-03-11T09:15:30Z"),
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.999Z", -1, 999_000_000, "1969-12-31T23:59:59.999Z"),
            ("2000-02-29T12:00:00Z", 951_825_600, 0, "2000-02-29T12:00:00Z"),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0, "2017-01-01T00:00:00Z"),
            ("0000-01-01T00:00:00Z", -62_167_219_200, 0, "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0, "9999-12-31T23:59:59Z"),
        ] as [(String, Int64, Int32, String)])
    func readAndWrite(text: String, seconds: Int64, nanoseconds: Int32, written: String) throws {
        let time = try #require(UTCInstant(text))
        #expect(time == UTCInstant(seconds: seconds, nanoseconds: nanoseconds))
        #expect(time.description == written)
    }

    @Test(
        "what is not a time of RFC 3339 is refused",
        arguments: [
            "", "2024-03-11", "2024-03-11T09:15:30", "2024-03-11T09:15Z", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-00-10T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+0100",
            "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00ZZ", "+2024-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "2024-1-1T0:0:0Z",
            "2024-01-01T00:00:00\u{0}Z", "２０２４-01-01T00:00:00Z", "99999999999999999999-01-01T00:00:00Z",
        ])
    func refused(text: String) {
        #expect(UTCInstant(text) == nil)
    }

    @Test("every day of 400 years and more is written so that it is read again")
    func everyDay() throws {
        for day in -800_000..<1_000_000 where day % 13 == 0 {
            let time = UTCInstant(seconds: Int64(day) * 86_400 + 45_296)
            #expect(UTCInstant(time.description) == time)
        }
    }

    @Test("nanoseconds since 1970 are split into seconds and the rest, which counts forward before 1970 too")
    func nanoseconds() {
        #expect(UTCInstant(nanosecondsSince1970: 1_795_256_575_123_456_789).description == "2026-11-21T10:22:55.123456789Z")
        #expect(UTCInstant(nanosecondsSince1970: -1) == UTCInstant(seconds: -1, nanoseconds: 999_999_999))
        #expect(UTCInstant(nanosecondsSince1970: .min).description == "1677-09-21T00:12:43.145224192Z")
    }

    @Test("is followed by the next nanosecond, up to the last that can be written")
    func next() {
        #expect(UTCInstant(seconds: 1, nanoseconds: 999_999_999).next == UTCInstant(seconds: 2))
        #expect(UTCInstant(seconds: 1).next == UTCInstant(seconds: 1, nanoseconds: 1))
        let last = UTCInstant(seconds: .max, nanoseconds: .max)
        #expect(last.next == last)
        #expect(UTCInstant(seconds: 1, nanoseconds: 5) < UTCInstant(seconds: 2))
    }

    @Test(
        "has a weekday and the names that HTTP and logs use",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37"), (0, "Thu, 01 Jan 1970 00:00:00"), (-1, "Wed, 31 Dec 1969 23:59:59"),
            (951_825_600, "Tue, 29 Feb 2000 12:00:00"),
        ]
            as [(Int64, String)])
    func names(seconds: Int64, text: String) {
        let time = CalendarTime(UTCInstant(seconds: seconds))
        #expect("\(time.weekdayName), \(CalendarTime.digits(time.date.day, 2)) \(time.monthName) \(time.date.year) \(time.clock)" == text)
    }
}
