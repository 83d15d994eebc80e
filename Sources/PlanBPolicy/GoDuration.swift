/// Durations in the format of Go's programs: `500ms`, `1m30s`, `1.5h`.
package enum GoDuration {
    /// The nanoseconds of each unit. The first one that matches counts, so longer names come before their beginnings.
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12),
    ]

    /// Nil for a text that Go would not accept: without a unit, with an unknown one, empty, or more than 290 years.
    package static func parse(_ text: String) -> Duration? {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        if rest == "0" { return .zero }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
            guard digits.contains(where: { $0 != "." }), digits.count(where: { $0 == "." }) < 2, let number = Double("0\(digits)0") else { return nil }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
            guard let unit = self.units.first(where: { $0.name == name }) else { return nil }
            // For a number without a decimal point, the loop above has multiplied once too often.
            let value = digits.contains(".") ? number : number / 10
            total += value * unit.nanoseconds
            rest = rest.dropFirst(name.count)
        }
        guard total < 9.2e18 else { return nil }
        return .nanoseconds(Int64(isNegative ? -total : total))
    }

    /// The duration as Go writes it: `30s`, `1m30s`, `500ms`.
    package static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = attoseconds / 1_000_000_000
        if seconds == 0, nanoseconds > 0 {
            if nanoseconds % 1_000_000 == 0 { return "\(nanoseconds / 1_000_000)ms" }
            return nanoseconds % 1000 == 0 ? "\(nanoseconds / 1000)µs" : "\(nanoseconds)ns"
        }
        let fraction = nanoseconds == 0 ? "" : "." + self.trimmed(nanoseconds)
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        let text = "\(seconds % 60)\(fraction)s"
        if hours > 0 { return "\(hours)h\(minutes)m\(text)" }
        return minutes > 0 ? "\(minutes)m\(text)" : text
    }

    private static func trimmed(_ nanoseconds: Int64) -> String {
        var digits = String(nanoseconds)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return digits
    }
}
