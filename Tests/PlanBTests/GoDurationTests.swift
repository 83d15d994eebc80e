import PlanBPolicy
import Testing

@Suite("Spans of time as Go's programs write them")
struct GoDurationTests {
    @Test(
        "are read as Go reads them",
        arguments: [
            ("0", Duration.zero), ("0s", .zero), ("500ms", .milliseconds(500)), ("5s", .seconds(5)), ("1m30s", .seconds(90)), ("1.5h", .seconds(5400)),
            ("2h45m", .seconds(9900)), ("100us", .microseconds(100)), ("100µs", .microseconds(100)), ("1h1ns", .seconds(3600) + .nanoseconds(1)),
            (".5s", .milliseconds(500)),
            ("-5s", .seconds(-5)), ("10m", .seconds(600)),
        ])
    func good(text: String, duration: Duration) {
        #expect(GoDuration.parse(text) == duration)
    }

    @Test("without a unit, or with one that nobody knows, are none", arguments: ["", "5", "s", "5x", "1.2.3s", "5s5", " 5s", "5 s", "1e3s", "99999999h"])
    func bad(text: String) {
        #expect(GoDuration.parse(text) == nil)
    }

    @Test(
        "are written as Go writes them",
        arguments: [
            (Duration.seconds(30), "30s"), (.seconds(90), "1m30s"), (.seconds(3600), "1h0m0s"), (.milliseconds(500), "500ms"), (.milliseconds(1500), "1.5s"),
            (.zero, "0s"),
        ])
    func written(duration: Duration, text: String) {
        #expect(GoDuration.text(duration) == text)
    }
}
