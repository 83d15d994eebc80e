import PlaneService

/// What the scheduler takes from `controller.toml`.
struct SchedulerSettings: ServiceSettings {
    let nats: NATSConfiguration
    let log: LogConfiguration
    let scheduler: SchedulerConfiguration

    var metrics: MetricsConfiguration { self.scheduler.metrics }

    init?(_ reader: inout ConfigReader) {
        guard let file = ControllerConfiguration(&reader) else { return nil }
        self.nats = file.nats
        self.log = file.log
        self.scheduler = file.scheduler
    }
}
