package import CoreMetrics
import Synchronization

/// Keeps the metrics of this process, and writes them in the Prometheus text format (version 0.0.4).
///
/// Timers are histograms in seconds, so their names end in `_seconds`. Recorders that aggregate are histograms too, in seconds if their name ends so. The
/// same name and labels always give the same metric; of a histogram, each caller gets a recorder of its own.
package final class PrometheusRegistry: MetricsFactory, Sendable {
    private enum Metric: Sendable {
        case counter(CounterMetric)
        case gauge(GaugeMetric)
        case histogram(HistogramMetric)

        var kind: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private let families = Mutex<[String: [MetricLabels: Metric]]>([:])
    /// The sentences for `# HELP`, by name.
    private let help: [String: String]
    /// The ranges of histograms that do not use the usual ones, by name.
    private let buckets: [String: HistogramMetric.Buckets]

    package init(help: [String: String] = [:], buckets: [String: HistogramMetric.Buckets] = [:]) {
        self.help = help
        self.buckets = buckets
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.counter(label, dimensions)
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        self.counter(label, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.gauge(label, dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return self.gauge(label, dimensions) }
        return self.histogram(label, dimensions, label.hasSuffix("_seconds") ? .seconds : .powersOfFour).makeRecorder()
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.histogram(label, dimensions, .seconds).makeRecorder()
    }

    /// Nothing is destroyed: a counter that vanished and began again at zero would look like a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    // MARK: Text

    /// All metrics, in the order of names and labels.
    package var text: String {
        let families = self.families.withLock { $0 }
        return families.sorted { $0.key < $1.key }.reduce(into: "") { text, family in
            let metrics = family.value.sorted { $0.key < $1.key }
            guard let kind = metrics.first?.value.kind else { return }
            text += "\(self.helpLine(family.key))# TYPE \(family.key) \(kind)\n"
            for (labels, metric) in metrics {
                switch metric {
                case .counter(let counter): text += "\(family.key)\(labels.braced()) \(Self.number(counter.value))\n"
                case .gauge(let gauge): text += "\(family.key)\(labels.braced()) \(Self.number(gauge.value))\n"
                case .histogram(let histogram): text += Self.lines(of: histogram, name: family.key, labels: labels)
                }
            }
        }
    }

    private func helpLine(_ name: String) -> String { self.help[name].map { "# HELP \(name) \($0)\n" } ?? "" }

    private static func lines(of histogram: HistogramMetric, name: String, labels: MetricLabels) -> String {
        let snapshot = histogram.snapshot
        var text = ""
        var total: UInt64 = 0
        let bounds = histogram.buckets.upperBounds.map(self.number) + ["+Inf"]
        for (bound, count) in zip(bounds, snapshot.counts) {
            total += count
            text += "\(name)_bucket\(labels.braced(adding: "le=\"\(bound)\"")) \(total)\n"
        }
        return text + "\(name)_sum\(labels.braced()) \(self.number(snapshot.sum))\n\(name)_count\(labels.braced()) \(total)\n"
    }

    /// The number, without a fraction if it is whole.
    private static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return String(whole) }
        return value.isNaN ? "NaN" : value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : value.description
    }

    // MARK: Lookup

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterMetric {
        guard case .counter(let counter) = self.metric(label, dimensions, or: { .counter(CounterMetric()) }) else { return CounterMetric() }
        return counter
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeMetric {
        guard case .gauge(let gauge) = self.metric(label, dimensions, or: { .gauge(GaugeMetric()) }) else { return GaugeMetric() }
        return gauge
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)], _ buckets: HistogramMetric.Buckets) -> HistogramMetric {
        guard case .histogram(let histogram) = self.metric(label, dimensions, or: { .histogram(HistogramMetric(self.buckets[label] ?? buckets)) }) else {
            return HistogramMetric(buckets)
        }
        return histogram
    }

    /// The existing metric, or a new one. A name has one kind; if another kind is requested, that metric is not shown.
    private func metric(_ label: String, _ dimensions: [(String, String)], or make: () -> Metric) -> Metric {
        let name = MetricName.metric(label)
        let labels = MetricLabels(dimensions)
        return self.families.withLock { families in
            if let present = families[name]?[labels] { return present }
            let new = make()
            if let sibling = families[name]?.first?.value, sibling.kind != new.kind { return new }
            families[name, default: [:]][labels] = new
            return new
        }
    }
}
