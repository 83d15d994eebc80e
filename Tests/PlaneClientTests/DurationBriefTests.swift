import PlaneProtocol
import Testing

@testable import PlaneClient

@Suite("Durations for people")
struct DurationBriefTests {
    @Test(
        "are short and have the unit that fits",
        arguments: [
            (Duration.microseconds(0), "0 µs"), (.microseconds(850), "850 µs"), (.microseconds(1999), "1 ms"),
            (.milliseconds(12), "12 ms"), (.milliseconds(999), "999 ms"), (.milliseconds(1350), "1.3 s"),
            (.seconds(59), "59.0 s"), (.seconds(250), "4 min 10 s"), (.seconds(11_100), "3 h 5 min"),
            (.seconds(187_200), "2 d 4 h"), (.seconds(-5), "0 ms"), (.seconds(Int64.max), "106751991167300 d"),
        ])
    func brief(duration: Duration, text: String) {
        #expect(duration.brief == text)
    }
}
