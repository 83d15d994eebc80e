package import ArgumentParser
package import ConfigurationReading
import CoreMetrics
import FoundationEssentials
package import Logging
import LogKeys
import NetworkAddresses
package import NIOCore
import NIOPosix
import PlaneProtocol
package import ServiceLifecycle
import UnixSignals

/// The command line of a service: reads the configuration, starts logging and metrics, and runs what `makeServices` returns until SIGTERM or SIGINT.
///
/// Nothing listens or connects before the whole configuration has been read and found valid.
package protocol ServiceCommand: AsyncParsableCommand {
    associatedtype Settings: ServiceSettings

    /// The command declares it as `@OptionGroup var options: ServiceOptions`.
    var options: ServiceOptions { get }

    /// How long the services may take after a signal to finish their work; what still runs then is cancelled.
    static var gracefulShutdownLimit: Duration { get }

    /// The service's own event loops. Like SwiftNIO's, which all services share, they are watched: if one of them stops responding, systemd ends the process.
    static var watchedLoops: [any EventLoopGroup] { get }

    /// A text to print instead of running, if an option of this service asks for that; nil otherwise.
    func output(_ settings: Settings) -> String?
    /// Whether the service will run, so that it needs its secrets.
    var runs: Bool { get }

    /// Connects, and makes the parts of the service. They are started in this order, and stopped one by one in the reverse order.
    func makeServices(_ settings: Settings, logger: Logger) async throws -> [any Service]
}

extension ServiceCommand {
    package static var gracefulShutdownLimit: Duration { .seconds(30) }
    package static var watchedLoops: [any EventLoopGroup] { [] }
    package func output(_ settings: Settings) -> String? { nil }
    package var runs: Bool { !self.options.check && !self.options.dumpConfiguration }

    package func run() async throws {
        let loaded = try self.loadSettings()
        if self.options.dumpConfiguration {
            print(EffectiveConfiguration(loaded.entries), terminator: "")
            return
        }
        guard !self.options.check else {
            print(Self.verdict(on: loaded.warnings))
            if self.options.strict, !loaded.warnings.isEmpty { throw ExitCode.validationFailure }
            return
        }
        let settings = loaded.configuration
        if let output = self.output(settings) {
            print(output, terminator: "")
            return
        }
        let sink = LogSink(settings.log, name: Self._commandName)
        LoggingSystem.bootstrap { ServiceLogHandler(label: $0, level: settings.log.level, sink: sink) }
        if settings.log.publish, let component = Self.component(loaded.entries) { LogFeed.ofThisProcess.open(as: component) }
        let logger = Logger(label: Self._commandName)
        logger.info("starting", metadata: [LogKey.version: "\(BuildInformation.version)"])
        do {
            let services = try await self.metricsServices(settings, loaded.entries, logger: logger) + self.makeServices(settings, logger: logger)
            try await Self.run(Self.watchdogServices + services, logger: logger)
        } catch {
            logger.critical("stopped by an error", metadata: [LogKey.error: "\(error)"])
            throw ExitCode.failure
        }
        logger.info("stopped")
    }

    /// The last line of `--check`.
    static func verdict(on warnings: [ConfigWarning]) -> String {
        guard !warnings.isEmpty else { return "The configuration is right." }
        let unknown = warnings.compactMap(\.unknownName)
        switch unknown.count {
        case 0: return "The configuration can be used; see the warnings."
        case 1: return "The configuration can be used, but for 1 key that is not known: \(unknown[0])"
        case let count: return "The configuration can be used, but for \(count) keys that are not known: \(unknown.joined(separator: ", "))"
        }
    }

    /// Mistakes and warnings go to standard error, because standard output may be redirected to a file that is read as TOML.
    private func loadSettings() throws(ExitCode) -> ConfigurationLoader.Loaded<Settings> {
        do throws(ConfigurationError) {
            let loaded = try ConfigurationLoader.load(
                Settings.self, file: self.options.configurationFile, environment: ProcessInfo.processInfo.environment,
                doesWithoutCredentials: !self.runs)
            Self.tell(loaded.warnings.map { "warning: \($0)" })
            return loaded
        } catch {
            Self.tell(error.warnings.map { "warning: \($0)" } + error.mistakes.map { "error: \($0)" })
            if self.options.configurationFile == nil { Self.tell(["no configuration file was given, as in: \(Self._commandName) /etc/plane/FILE.toml"]) }
            throw .validationFailure
        }
    }

    private static func tell(_ lines: [String]) {
        for line in lines { StandardError.write(Array("\(self._commandName): \(line)\n".utf8)) }
    }

    private func metricsServices(_ settings: Settings, _ entries: [ConfigEntry], logger: Logger) async throws -> [any Service] {
        guard let port = settings.metrics.port else { return [] }
        let registry = PrometheusRegistry(help: MetricCatalogue.help)
        MetricsSystem.bootstrap(registry)
        Meter(label: "plane_build_info", dimensions: [("version", BuildInformation.version)]).set(1)
        Meter(label: "process_start_time_seconds").set(Double(WireTime.now().seconds))
        let endpoint = SocketEndpoint(ip: settings.metrics.bindIP, port: port)
        do {
            return [try await MetricsEndpoint.bind(endpoint, registry: registry, logger: logger)]
        } catch {
            // Several services may have such a table in one file; this service's is the one with its port.
            let table = entries.first { $0.path.suffix(2) == ["metrics", "port"] && $0.value?.asInteger == Int64(port) }?.path.dropLast() ?? ["metrics"]
            let key = table.joined(separator: ".")
            throw ListeningError(error, to: "serve metrics", on: endpoint, keys: ["\(key).bind_ip", "\(key).port"])
        }
    }

    /// Who sends log events on the subjects `logs.>`: services of a drone are recognized by the drone's id in their file.
    private static func component(_ entries: [ConfigEntry]) -> LogMessage.Component? {
        guard let entry = entries.first(where: { $0.path == ["drone_id"] }) else { return .controller }
        // A drone that finds its id later reports it then (`LogFeed.rename`).
        return DroneID(rawValue: entry.value?.asString ?? "unnamed").map { .drone($0) }
    }

    private static var watchdogServices: [any Service] {
        ServiceNotification.watchdogInterval.map { interval in
            [WatchdogService(interval: interval, groups: [MultiThreadedEventLoopGroup.singleton] + self.watchedLoops, tell: ServiceNotification.alive)]
        } ?? []
    }

    private static func run(_ services: [any Service], logger: Logger) async throws {
        let entries = services.map { service in
            ServiceGroupConfiguration.ServiceConfiguration(
                service: service, successTerminationBehavior: service is any FinishingService ? .gracefullyShutdownGroup : .cancelGroup)
        }
        var configuration = ServiceGroupConfiguration(
            services: entries, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = self.gracefulShutdownLimit
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// The settings of one service, read from its file and checked.
package protocol ServiceSettings: ConfigReadable {
    var log: LogConfiguration { get }
    /// The metrics settings of this service, not of another one that reads the same file.
    var metrics: MetricsConfiguration { get }
}

/// A service whose work may end by itself; the program then ends in order, with success. For any other service that would be a failure.
package protocol FinishingService: Service {}
