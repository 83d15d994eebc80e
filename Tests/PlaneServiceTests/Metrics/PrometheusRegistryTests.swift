import Metrics
import PlaneService
import Testing

@Suite("Prometheus registry") struct PrometheusRegistryTests {
    let registry = PrometheusRegistry()

    @Test("counters grow, and stand under their labels in order")
    func counters() {
        Counter(label: "plane_requests_total", dimensions: [("result", "no drone"), ("cluster", "b")], factory: self.registry).increment(by: 2)
        Counter(label: "plane_requests_total", dimensions: [("cluster", "a")], factory: self.registry).increment()
        Counter(label: "plane_requests_total", dimensions: [("cluster", "a")], factory: self.registry).increment()
        #expect(
            self.registry.text == """
                # TYPE plane_requests_total counter
                plane_requests_total{cluster="a"} 2
                plane_requests_total{cluster="b",result="no drone"} 2

                """)
    }

    @Test("gauges go up and down")
    func gauges() {
        let meter = Meter(label: "plane_drones", factory: self.registry)
        meter.set(5)
        meter.decrement(by: 1.5)
        #expect(self.registry.text == "# TYPE plane_drones gauge\nplane_drones 3.5\n")
    }

    @Test("timers are histograms in seconds, with rising totals")
    func timers() {
        let timer = Timer(label: "plane_schedule_seconds", factory: self.registry)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(1500)
        timer.recordSeconds(3600)
        let text = self.registry.text
        #expect(text.contains("plane_schedule_seconds_bucket{le=\"0.0005\"} 0\n"))
        #expect(text.contains("plane_schedule_seconds_bucket{le=\"0.001\"} 1\n"))
        #expect(text.contains("plane_schedule_seconds_bucket{le=\"2\"} 2\n"))
        #expect(text.contains("plane_schedule_seconds_bucket{le=\"60\"} 2\n"))
        #expect(text.contains("plane_schedule_seconds_bucket{le=\"+Inf\"} 3\n"))
        #expect(text.hasSuffix("plane_schedule_seconds_sum 3601.501\nplane_schedule_seconds_count 3\n"))
    }

    @Test("a histogram is the sum of all who record, of those that no longer exist too, and each has a recorder of its own")
    func recordersOfOne() {
        let first = self.registry.makeTimer(label: "plane_wait_seconds", dimensions: [])
        let second = self.registry.makeTimer(label: "plane_wait_seconds", dimensions: [])
        #expect(first !== second)
        first.recordNanoseconds(1_000_000)
        second.recordNanoseconds(1_500_000_000)
        do {
            let third = self.registry.makeTimer(label: "plane_wait_seconds", dimensions: [])
            third.recordNanoseconds(1_500_000_000)
        }
        for _ in 1...2 {
            let text = self.registry.text
            #expect(text.contains("plane_wait_seconds_bucket{le=\"0.001\"} 1\n"))
            #expect(text.hasSuffix("plane_wait_seconds_sum 3.001\nplane_wait_seconds_count 3\n"))
        }
    }

    @Test("names and labels that Prometheus would refuse are made acceptable")
    func names() {
        Counter(label: "9 lives", dimensions: [("a-b", "quote\" slash\\ line\n")], factory: self.registry).increment()
        #expect(self.registry.text == "# TYPE _9_lives counter\n_9_lives{a_b=\"quote\\\" slash\\\\ line\\n\"} 1\n")
    }

    @Test("a name has one kind; a metric of another kind is not shown and harms nothing")
    func kinds() {
        Counter(label: "x", factory: self.registry).increment()
        Meter(label: "x", factory: self.registry).set(7)
        Meter(label: "x", dimensions: [("a", "b")], factory: self.registry).set(7)
        #expect(self.registry.text == "# TYPE x counter\nx 1\n")
    }

    @Test("recorders that aggregate are histograms, others gauges")
    func recorders() {
        Recorder(label: "sizes", aggregate: true, factory: self.registry).record(5)
        Recorder(label: "last", aggregate: false, factory: self.registry).record(5)
        #expect(self.registry.text.contains("# TYPE sizes histogram\n"))
        #expect(self.registry.text.contains("sizes_bucket{le=\"16\"} 1\n"))
        #expect(self.registry.text.contains("# TYPE last gauge\nlast 5\n"))
    }

    @Test("a metric is told with a sentence about it")
    func help() {
        let registry = PrometheusRegistry(help: ["plane_drones": "Drones alive."])
        Meter(label: "plane_drones", factory: registry).set(5)
        #expect(registry.text == "# HELP plane_drones Drones alive.\n# TYPE plane_drones gauge\nplane_drones 5\n")
    }
}
