import Foundation

/// Durations of one thing measured several times.
struct Samples: Sendable {
    private(set) var values: [Double] = []  // seconds

    mutating func add(_ duration: Duration) { values.append(duration / .seconds(1)) }
    mutating func add(seconds: Double) { values.append(seconds) }

    var median: Double { quantile(0.5) }
    var isEmpty: Bool { values.isEmpty }

    /// Nearest-rank quantile; 0 for no samples.
    func quantile(_ fraction: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int((Double(sorted.count) * fraction).rounded(.down)))]
    }

    /// Ratio measurement by measurement, so that a machine whose speed drifts does not spoil the comparison.
    func ratios(to other: Samples) -> Samples {
        var result = Samples()
        for (mine, theirs) in zip(values, other.values) where theirs > 0 { result.add(seconds: mine / theirs) }
        return result
    }
}

extension Double {
    /// Seconds, as a table cell in milliseconds.
    var milliseconds: String { String(format: "%9.1f ms", self * 1000) }
    var ratio: String { String(format: "%7.3f×", self) }
}
