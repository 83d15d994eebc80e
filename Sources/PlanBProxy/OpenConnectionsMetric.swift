package import CoreMetrics

/// Passes metrics on, and derives one more from the engine's: PlanB's gauge counts open connections that are not tunnels.
package struct OpenConnectionsMetric: MetricsFactory {
    private static let name = "planb_reverseproxy_connections_current_open"

    /// Passes on each change of a meter, and applies the same or the opposite change to another meter.
    private final class Echo: MeterHandler {
        private let meter: any MeterHandler
        private let other: any MeterHandler
        private let isOpposite: Bool

        init(_ meter: any MeterHandler, _ other: any MeterHandler, isOpposite: Bool) {
            self.meter = meter
            self.other = other
            self.isOpposite = isOpposite
        }

        func set(_ value: Int64) { self.meter.set(value) }

        func set(_ value: Double) { self.meter.set(value) }

        func increment(by amount: Double) {
            self.meter.increment(by: amount)
            if self.isOpposite { self.other.decrement(by: amount) } else { self.other.increment(by: amount) }
        }

        func decrement(by amount: Double) {
            self.meter.decrement(by: amount)
            if self.isOpposite { self.other.increment(by: amount) } else { self.other.decrement(by: amount) }
        }
    }

    private let factory: any MetricsFactory

    package init(_ factory: any MetricsFactory) {
        self.factory = factory
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        let meter = self.factory.makeMeter(label: label, dimensions: dimensions)
        guard label == "proxy_open_connections" || label == "proxy_open_tunnels" else { return meter }
        return Echo(meter, self.factory.makeMeter(label: Self.name, dimensions: []), isOpposite: label == "proxy_open_tunnels")
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.factory.makeCounter(label: label, dimensions: dimensions)
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        self.factory.makeFloatingPointCounter(label: label, dimensions: dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        self.factory.makeRecorder(label: label, dimensions: dimensions, aggregate: aggregate)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.factory.makeTimer(label: label, dimensions: dimensions)
    }

    // Nothing is destroyed, since metrics live as long as the process.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}
