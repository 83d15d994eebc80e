package import Foundation

/// The `Retry-After` header: seconds, or a date (RFC 9110 §10.2.3).
package enum RetryAfter {
    /// Longer times are cut: authorities mean minutes, and rate limits a few days.
    static let limit: Duration = .seconds(7 * 86_400)

    /// IMF-fixdate (RFC 9110 §5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`; obsolete forms are not parsed.
    private static let dateFormat = Date.ParseStrategy(
        format: """
            \(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .defaultDigits) \
            \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) GMT
            """, locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt)

    /// How long to wait from `now`, between zero and a week; nil if the header cannot be read.
    package static func read(_ text: String?, now: Date) -> Duration? {
        guard let text = text?.trimmingCharacters(in: .whitespaces), !text.isEmpty else { return nil }
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // A number with too many digits counts as too long.
            return Int64(text).map { min(.seconds($0), Self.limit) } ?? Self.limit
        }
        guard let date = try? Date(text, strategy: Self.dateFormat) else { return nil }
        return min(max(.seconds(date.timeIntervalSince(now)), .zero), Self.limit)
    }
}
