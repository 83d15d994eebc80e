import PlaneClient
import PlaneProtocol

/// Pictures in the page, as SVG without a style of its own; each has its numbers as text for those who do not see it.
enum Charts {
    private static let width = 640

    /// A backend's way to readiness: one bar for each phase.
    static func timeline(_ phases: SpawnPhases) -> String {
        let begin = min(phases.scheduled ?? 0, 0)
        let ends: [(name: String, end: Int64?)] = [
            ("accepted by the drone", phases.accepted), ("image there", phases.pulled), ("container made", phases.created),
            ("container started", phases.started),
            ("port answers", phases.ready),
        ]
        var bars: [(name: String, from: Int64, to: Int64)] = []
        var last: Int64 = 0
        for (name, end) in ends {
            guard let end else { continue }
            let (passed, overflow) = end.subtractingReportingOverflow(begin)
            guard !overflow, passed >= last else { continue }
            bars.append((name, last, passed))
            last = passed
        }
        guard last > 0 else { return "<p>It has only been asked for.</p>" }
        let (rowHeight, labelWidth) = (26, 190)
        let scale = Double(self.width - labelWidth - 90) / Double(last)
        var svg = ""
        for (index, bar) in bars.enumerated() {
            let x = labelWidth + Int(Double(bar.from) * scale)
            let barWidth = max(2, Int(Double(bar.to - bar.from) * scale))
            let y = index * rowHeight
            let time = Duration.microseconds(bar.to - bar.from).brief
            svg += "<text x=\"0\" y=\"\(y + 17)\" class=\"label\">\(bar.name)</text>"
            svg += "<rect x=\"\(x)\" y=\"\(y + 4)\" width=\"\(barWidth)\" height=\"18\" class=\"bar bar\(index % 5)\"></rect>"
            svg += "<text x=\"\(x + barWidth + 6)\" y=\"\(y + 17)\" class=\"label\">\(time)</text>"
        }
        let words = bars.map { "\($0.name) after \(Duration.microseconds($0.to).brief)" }.joined(separator: ", ")
        return """
            <svg viewBox="0 0 \(self.width) \(bars.count * rowHeight)" role="img" aria-label="\(HTMLText.escape(words))">\(svg)</svg>
            <p>\(HTMLText.escape(words)).</p>
            """
    }

    /// How often it took how long: ranges that double.
    static func histogram(milliseconds: [Int64]) -> String {
        guard !milliseconds.isEmpty else { return "<p>No backend has become ready since this gateway looks.</p>" }
        let bounds: [Int64] = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, .max]
        var counts = Array(repeating: 0, count: bounds.count)
        for value in milliseconds { counts[bounds.firstIndex { value <= $0 } ?? bounds.count - 1] += 1 }
        let sorted = milliseconds.sorted()
        let most = max(counts.max() ?? 1, 1)
        let (columnWidth, height) = (self.width / bounds.count, 120)
        var svg = ""
        for (index, count) in counts.enumerated() {
            let barHeight = count == 0 ? 0 : max(2, count * height / most)
            let x = index * columnWidth
            let label = index == bounds.count - 1 ? "more" : Duration.milliseconds(bounds[index]).brief
            svg += "<rect x=\"\(x + 4)\" y=\"\(20 + height - barHeight)\" width=\"\(columnWidth - 8)\" height=\"\(barHeight)\" class=\"bar bar0\"></rect>"
            if count > 0 { svg += "<text x=\"\(x + columnWidth / 2)\" y=\"\(14 + height - barHeight)\" class=\"label middle\">\(count)</text>" }
            svg += "<text x=\"\(x + columnWidth / 2)\" y=\"\(height + 38)\" class=\"label middle\">\(label)</text>"
        }
        let median = Duration.milliseconds(sorted[sorted.count / 2]).brief
        let late = Duration.milliseconds(sorted[min(sorted.count * 95 / 100, sorted.count - 1)]).brief
        let words = "\(sorted.count) backends: half of them within \(median), 95 of 100 within \(late)"
        return """
            <svg viewBox="0 0 \(self.width) \(height + 46)" role="img" aria-label="\(words)">\(svg)</svg><p>\(words). Each column: up to the time below it.</p>
            """
    }
}
