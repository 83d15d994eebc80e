import ConfigurationFiles
import ConfigurationReading
import PlaneMessagingConfiguration
import PlaneService
import SchedulerCoreConfiguration

/// The settings of the scheduler, from `controller.toml`.
struct SchedulerSettings: ServiceSettings {
    let nats: NATSConfiguration
    let log: LogConfiguration
    let scheduler: SchedulerConfiguration
    let metrics: MetricsConfiguration

    init?(_ reader: inout ConfigReader) {
        let file = ControllerConfiguration(&reader)
        reader.unserved("http", reason: "the service gateway serves it")
        guard let file else { return nil }
        self.nats = file.nats
        self.log = file.log
        self.scheduler = file.scheduler
        self.metrics = file.schedulerMetrics
    }
}
