import Testing

@testable import PlaneProtocol

@Suite("Times on the wire")
struct TimeTests {
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
        let time = try #require(WireTime(text))
        #expect(time == WireTime(seconds: seconds, nanoseconds: nanoseconds))
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
        #expect(WireTime(text) == nil)
    }

    @Test("every day of 400 years and more is written so that it is read again")
    func everyDay() throws {
        for day in -800_000..<1_000_000 where day % 13 == 0 {
            let time = WireTime(seconds: Int64(day) * 86_400 + 45_296)
            #expect(WireTime(time.description) == time)
        }
    }

    @Test("times far outside the calendar are clamped, not trapped", arguments: [Int64.min, -1 << 40, 1 << 40, Int64.max])
    func clamped(value: Int64) {
        #expect(WireTime(WireTime(seconds: value, nanoseconds: .max).description) != nil)
        #expect(WireTime(WireTime(WorldTime(milliseconds: value)).description) != nil)
        let zero = WorldTime(milliseconds: 0)
        #expect((WorldTime(milliseconds: value).since(zero) > .zero) == (value > 0))
        #expect(WorldTime(milliseconds: .min).since(WorldTime(milliseconds: .max)) < .zero)
    }

    @Test("milliseconds and nanoseconds agree, before 1970 too", arguments: [0, 1, -1, -1000, -1001, 1_710_148_530_123] as [Int64])
    func conversion(milliseconds: Int64) {
        let time = WorldTime(milliseconds: milliseconds)
        #expect(WireTime(time).worldTime == time)
    }

    @Test("seconds of any size make a duration that can be calculated with")
    func seconds() {
        #expect(WireSeconds(300).duration == .seconds(300))
        #expect(WireSeconds(rawValue: .max).duration == .seconds(1 << 31))
    }
}
