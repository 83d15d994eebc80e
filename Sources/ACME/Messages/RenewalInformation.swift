package import Foundation
import UTCTime

/// When the authority would like a certificate to be renewed (RFC 9773 §4.2).
package struct RenewalInformation: Hashable, Sendable {
    package var start: Date
    package var end: Date
    /// For how long this answer is valid.
    package var retryAfter: Duration

    /// Used if the authority says nothing: it is asked four times a day (as RFC 9773 §4.3.3 says for one that fails).
    static let defaultRetryAfter: Duration = .seconds(6 * 3_600)

    package init(start: Date, end: Date, retryAfter: Duration) {
        self.start = start
        self.end = end
        self.retryAfter = retryAfter
    }

    private struct Body: Decodable {
        struct Window: Decodable {
            var start: String
            var end: String
        }
        var suggestedWindow: Window
    }

    /// Nil if the answer cannot be read, or its window is empty.
    init?(_ response: ACMEResponse, now: Date) {
        guard let window = try? JSONDecoder().decode(Body.self, from: Data(response.body)).suggestedWindow,
            let start = Self.date(window.start), let end = Self.date(window.end), start < end
        else { return nil }
        self.init(
            start: start, end: end, retryAfter: RetryAfter.read(response.retryAfter, now: now) ?? Self.defaultRetryAfter)
    }

    private static func date(_ text: String) -> Date? {
        UTCInstant(text).map { Date(timeIntervalSince1970: Double($0.seconds) + Double($0.nanoseconds) / 1e9) }
    }

    /// The time at `fraction` (0 to 1) of the window, so that clients with random fractions are spread, and one client gets the same time each time.
    package func moment(_ fraction: Double) -> Date {
        self.start.addingTimeInterval(self.end.timeIntervalSince(self.start) * min(max(fraction, 0), 1))
    }
}
