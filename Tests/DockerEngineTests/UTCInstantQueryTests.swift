import Testing
import UTCTime

@testable import DockerEngine

@Suite("A time of the engine")
struct UTCInstantQueryTests {
    @Test("Go's way to say never is none, nor is what cannot be read", arguments: ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "", "now"])
    func never(text: String) {
        #expect(UTCInstant(engine: text) == nil)
    }

    @Test("goes back to the daemon with nine digits")
    func query() {
        #expect(UTCInstant(seconds: 12, nanoseconds: 34).queryValue == "12.000000034")
        #expect(UTCInstant(engine: "1970-01-01T00:00:01.5Z")?.queryValue == "1.500000000")
    }
}
