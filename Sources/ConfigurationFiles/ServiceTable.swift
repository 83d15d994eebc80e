import ConfigurationReading
import PlaneService

/// The table of one service in a file that several services read: the settings of its component, and the address of its metrics.
struct ServiceTable<Settings: ConfigReadable>: ConfigReadable {
    var settings: Settings
    var metrics: MetricsConfiguration

    init?(_ reader: inout ConfigReader) {
        let settings = Settings(&reader)
        let metrics = reader.section("metrics") { MetricsConfiguration(&$0) }
        guard let settings else { return nil }
        self.settings = settings
        self.metrics = metrics ?? MetricsConfiguration()
    }
}
