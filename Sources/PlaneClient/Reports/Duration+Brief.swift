extension Duration {
    /// The duration in a short form for people: `850 µs`, `12 ms`, `1.3 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`.
    package var brief: String {
        let (seconds, attoseconds) = self.components
        let microseconds = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard seconds >= 0, !microseconds.overflow else { return seconds < 0 ? "0 ms" : "\(seconds / 86400) d" }
        let total = microseconds.partialValue + attoseconds / 1_000_000_000_000
        switch total {
        case ..<1000: return "\(total) µs"
        case ..<1_000_000: return "\(total / 1000) ms"
        case ..<60_000_000:
            let tenths = total / 100_000
            return "\(tenths / 10).\(tenths % 10) s"
        case ..<3_600_000_000: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400_000_000: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86400) d \(seconds / 3600 % 24) h"
        }
    }

    /// Whole milliseconds, for JSON.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
    }
}
