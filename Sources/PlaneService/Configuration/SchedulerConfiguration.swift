/// Settings of the scheduler (table `scheduler`). An empty table, or none, means the defaults.
package struct SchedulerConfiguration: Hashable, Sendable {
    package var metrics = MetricsConfiguration()

    package init() {}
}

extension SchedulerConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.metrics = reader.section("metrics") { MetricsConfiguration(&$0) } ?? self.metrics
    }
}
