import Foundation
import Testing

@testable import ACME

@Suite struct RenewalInformationTests {
    private func read(_ body: String, retryAfter: String? = nil) -> RenewalInformation? {
        RenewalInformation(
            ACMEResponse(status: 200, retryAfter: retryAfter, body: Array(body.utf8)), now: Date(timeIntervalSince1970: 0))
    }

    @Test(
        "a window is read, with and without fractions of a second",
        arguments: ["2025-01-02T04:00:00Z", "2025-01-02T04:00:00.000Z", "2025-01-02T05:00:00+01:00"])
    func window(start: String) throws {
        let information = try #require(
            self.read(#"{"suggestedWindow":{"start":"\#(start)","end":"2025-01-03T04:00:00Z"}}"#, retryAfter: "21600"))
        #expect(information.start == Date(timeIntervalSince1970: 1_735_790_400))
        #expect(information.end == Date(timeIntervalSince1970: 1_735_876_800))
        #expect(information.retryAfter == .seconds(21_600))
    }

    @Test("a client picks its own moment in it, and none outside")
    func moment() {
        let information = RenewalInformation(
            start: Date(timeIntervalSince1970: 100), end: Date(timeIntervalSince1970: 200), retryAfter: .seconds(1))
        #expect(information.moment(0.25) == Date(timeIntervalSince1970: 125))
        #expect(information.moment(-1) == information.start)
        #expect(information.moment(7) == information.end)
    }

    @Test(
        "an empty or unreadable window is none",
        arguments: [
            "", "{}", #"{"suggestedWindow":{"start":"x","end":"y"}}"#,
            #"{"suggestedWindow":{"start":"2025-01-03T04:00:00Z","end":"2025-01-03T04:00:00Z"}}"#,
        ])
    func unreadable(body: String) {
        #expect(self.read(body) == nil)
    }
}
