import PlaneClient
import PlaneProtocol

/// Pictures in the page: lists whose items say their numbers in words and show them as bars. The bars are SVG without a style of its own, so that
/// the page needs no style but its file's; the words are the page's own text, as large on a telephone as everywhere.
enum Charts {
    /// In the units of a bar's picture.
    private static let width = 1000

    private static func bar(from begin: Double, to end: Double) -> String {
        let x = Int(begin * Double(self.width))
        // What took no time can be seen all the same.
        let barWidth = max(Int((end - begin) * Double(self.width)), 4)
        return """
            <svg viewBox="0 0 \(self.width) 10" preserveAspectRatio="none" aria-hidden="true"><rect x="\(min(x, self.width - 4))" y="0" width="\(barWidth)" height="10"></rect></svg>
            """
    }

    /// The phases of a backend until it was ready, with one bar for each.
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
        let items = bars.map { bar in
            """
            <li><span>\(bar.name)</span>\(self.bar(from: Double(bar.from) / Double(last), to: Double(bar.to) / Double(last)))\
            <span>\(Duration.microseconds(bar.to - bar.from).brief) <span class="muted">at \(Duration.microseconds(bar.to).brief)</span></span></li>
            """
        }
        return "<ol class=\"bars\">\(items.joined())</ol>"
    }

    /// Milliseconds up to which a value belongs to each range.
    private static let bounds: [Int64] = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, .max]

    /// How often it took how long: ranges that double.
    static func histogram(milliseconds: [Int64]) -> String {
        guard !milliseconds.isEmpty else { return "<p>No backend has become ready since this gateway looks.</p>" }
        var counts = Array(repeating: 0, count: self.bounds.count)
        for value in milliseconds { counts[self.bounds.firstIndex { value <= $0 } ?? self.bounds.count - 1] += 1 }
        let sorted = milliseconds.sorted()
        let most = max(counts.max() ?? 1, 1)
        let first = counts.firstIndex { $0 > 0 } ?? 0
        let last = counts.lastIndex { $0 > 0 } ?? 0
        let items = (first...last).map { index in
            let range =
                index == self.bounds.count - 1
                ? "above \(Duration.milliseconds(self.bounds[index - 1]).brief)" : "up to \(Duration.milliseconds(self.bounds[index]).brief)"
            let picture = counts[index] == 0 ? "<span></span>" : self.bar(from: 0, to: Double(counts[index]) / Double(most))
            return "<li><span>\(range)</span>\(picture)<span>\(counts[index])</span></li>"
        }
        let median = Duration.milliseconds(sorted[sorted.count / 2]).brief
        let late = Duration.milliseconds(sorted[min(sorted.count * 95 / 100, sorted.count - 1)]).brief
        return """
            <p>\(sorted.count) \(sorted.count == 1 ? "backend" : "backends"): half of them within \(median), 95 of 100 within \(late).</p>
            <ol class="bars">\(items.joined())</ol>
            """
    }
}
