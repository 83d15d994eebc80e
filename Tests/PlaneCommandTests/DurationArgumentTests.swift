import Testing

@testable import plane

@Suite("Times on the command line") struct DurationArgumentTests {
    @Test(
        "mean the same everywhere",
        arguments: [
            ("0", 0), ("300", 300), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), ("1D12H", 129_600),
        ] as [(String, UInt64)])
    func read(text: String, seconds: UInt64) throws {
        #expect(try #require(DurationArgument(argument: text)).seconds == seconds)
    }

    @Test("are refused where they are none", arguments: ["", "m", "5 m", "-1", "1.5h", "5x", "5m3", "m5", "99999999999d", "18446744073709551616"])
    func refused(text: String) {
        #expect(DurationArgument(argument: text) == nil)
    }

    @Test("are shown as they would be written", arguments: [(30, "30s"), (300, "5m"), (7200, "2h"), (86_400, "1d"), (90, "90s")] as [(UInt64, String)])
    func shown(seconds: UInt64, text: String) {
        #expect(DurationArgument(seconds: seconds).defaultValueDescription == text)
    }
}
