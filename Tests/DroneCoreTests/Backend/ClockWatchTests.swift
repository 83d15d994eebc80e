import Testing

@testable import DroneCore

@Suite struct ClockWatchTests {
    @Test(
        "time that passes is not a clock that is set",
        arguments: [(10, 10, false), (12, 10, false), (13, 10, true), (-100, 10, true), (10, 100, true)]
            as [(Int64, Int64, Bool)])
    func difference(shown: Int64, passed: Int64, expected: Bool) {
        var watch = ClockWatch(wallSeconds: 1000, uptime: .seconds(5))
        let wasSet = watch.wasSet(wallSeconds: 1000 + shown, uptime: .seconds(5 + passed))
        let isTold = watch.wasSet(wallSeconds: 1001 + shown, uptime: .seconds(6 + passed))
        #expect(wasSet == expected)
        #expect(!isTold, "it is told once")
    }

    @Test("absurd times do not trap")
    func absurd() {
        var watch = ClockWatch(wallSeconds: .min, uptime: .zero)
        let wasSet = watch.wasSet(wallSeconds: .max, uptime: .seconds(1))
        #expect(wasSet)
        #expect(ClockWatch.liesAhead(.max, of: .min))
        #expect(!ClockWatch.liesAhead(.min, of: .max))
        #expect(!ClockWatch.liesAhead(1002, of: 1000))
    }
}
