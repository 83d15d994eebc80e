import CoreMetrics
import EpollTransport
import FoundationEssentials
import Logging
import NIOCore
import NetworkAddresses
import PlaneService
import PlanBPolicy
import ProxyCore
import ProxyProgram
import RedisClient
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// Starts the parts of the proxy in PlanB's order, and runs them until they are asked to stop.
package enum PlanBProgram {
    /// Why the program does not start, in one line.
    package struct StartError: Error, CustomStringConvertible {
        package let description: String
    }

    private static let loops = EpollEventLoopGroup(threads: NIOSingletons.groupLoopCountSuggestion)
    /// Longer than open requests may take to come to their end.
    private static let shutDownLimit: Duration = .seconds(70)

    private static let buckets = HistogramMetric.Buckets(upperBounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    private static let help = [
        "planb_reverseproxy_connections_current_open": "Connections of visitors that are open, WebSockets excluded.",
        "planb_reverseproxy_http_request_duration_seconds": "From the look-up of a request's frontend to the head of its response.",
        "planb_reverseproxy_backend_request_duration_seconds": "From choosing a backend to the head of its response.",
        "planb_reverseproxy_backends_responses_total": "Responses by status, those of the proxy's own included.",
        "planb_router_backend_markdead_total": "Backends that this process has marked dead.",
    ]

    /// Runs the proxy. Returns when it has shut down in order.
    package static func run(_ flags: PlanBFlags) async throws {
        let configuration = try PlanBSettings(flags, environment: ProcessInfo.processInfo.environment)
        signal(SIGHUP, SIG_IGN)  // one that comes now must not be the end; this process reads its flags at this moment
        signal(SIGCHLD, SIG_IGN)  // a successor that ends before this process leaves no zombie
        let level = configuration.logLevel
        var logging = LogConfiguration()
        logging.level = level
        let sink = LogSink(logging, name: "planb")
        LoggingSystem.bootstrap { ServiceLogHandler(label: $0, level: level, sink: sink) }
        let logger = Logger(label: "planb")
        self.say("Using the native engine")
        try await self.ping(configuration.options.reading, configuration, logger)
        try await self.ping(configuration.options.writing, configuration, logger)

        var services: [any Service] = []
        if let interval = ServiceNotification.watchdogInterval {
            services.append(WatchdogService(interval: interval, groups: [self.loops], tell: ServiceNotification.alive))
        }
        var metrics: any MetricsFactory = NOOPMetricsHandler.instance
        if let address = configuration.metrics {
            let help = MetricCatalogue.help.merging(Self.help) { $1 }
            let registry = PrometheusRegistry(
                help: help,
                buckets: [
                    "planb_reverseproxy_http_request_duration_seconds": self.buckets,
                    "planb_reverseproxy_backend_request_duration_seconds": self.buckets,
                ])
            metrics = OpenConnectionsMetric(registry)
            MetricsSystem.bootstrap(metrics)
            services.append(try await MetricsEndpoint.bind(try await self.endpoint(address), registry: registry, logger: logger))
        }
        if configuration.checksHealth {
            services.append(
                try await HealthChecker(
                    configuration.options, on: self.loops.loops[0], holder: "\(self.hostName):\(getpid())", logger: logger))
        }
        try await self.serve(configuration, services, metrics, logger)
    }

    private static func serve(
        _ configuration: PlanBSettings, _ others: [any Service], _ metrics: any MetricsFactory, _ logger: Logger
    ) async throws {
        let accessLog: LineWriter? =
            switch configuration.accessLog {
            case .none: nil
            case .to(let destination): try LineWriter(destination, logger: logger)
            }
        let source = try PlanBPolicySource(
            configuration.options, accessLog: accessLog, errorLog: try LineWriter(.standardError, logger: logger), metrics: metrics)
        var options = ProxyOptions()
        options.namesRequests = false
        options.logsFailures = false
        options.limits = configuration.limits
        options.limits.fit(openFiles: OpenFileLimit.raise())
        let server = try await ProxyServer(
            options: options, policies: source, activity: NoActivity(), group: self.loops, metrics: metrics, logger: logger)
        var bindings: [ProxyService.Binding] = []
        if let address = configuration.listen {
            bindings.append(ProxyService.Binding(name: "http", listener: ProxyListener(.http), endpoint: try await self.endpoint(address)))
        }
        if let address = configuration.tlsListen {
            let certificates = try await self.certificates(configuration, logger)
            bindings.append(
                ProxyService.Binding(name: "https", listener: ProxyListener(.https(certificates)), endpoint: try await self.endpoint(address)))
        }
        guard !bindings.isEmpty else { throw StartError(description: "there is nothing to listen on: --listen is disabled, and --tls-listen not set") }
        let report = await SituationReport(source, of: server, accessLog: accessLog)
        let proxy = try await ProxyService.bind(
            bindings, program: "planb", server: server, sockets: .ofThisProcess, certificates: nil, replacedDeadline: nil, logger: logger)
        if let address = configuration.listen { self.say("Listening on \(address.text)...") }
        if let address = configuration.tlsListen { self.say("Listening tls on \(address.text)...") }
        try await self.run(others + [report, proxy], logger: logger)
    }

    private static func run(_ services: [any Service], logger: Logger) async throws {
        let entries = services.map { service in
            ServiceGroupConfiguration.ServiceConfiguration(
                service: service, successTerminationBehavior: service is any FinishingService ? .gracefullyShutdownGroup : .cancelGroup)
        }
        var configuration = ServiceGroupConfiguration(services: entries, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = self.shutDownLimit
        try await ServiceGroup(configuration: configuration).run()
    }

    private static func certificates(_ configuration: PlanBSettings, _ logger: Logger) async throws -> NamedCertificates {
        switch configuration.certificates {
        case .folder(let path):
            return try CertificateFolder(path: path, logger: logger).source(
                preset: configuration.preset, offersHTTP2: configuration.offersHTTP2, defaultName: configuration.defaultName)
        case .redis:
            let redis = try await RedisCaller.make(
                configuration.options.reading, limits: configuration.options.redisLimits, on: self.loops.loops[0], logger: logger)
            return try RedisCertificates(redis, logger: logger).source(
                preset: configuration.preset, offersHTTP2: configuration.offersHTTP2, defaultName: configuration.defaultName)
        }
    }

    private static func ping(_ server: RedisServer, _ configuration: PlanBSettings, _ logger: Logger) async throws {
        var quiet = logger
        quiet.logLevel = .critical
        let redis = try await RedisCaller.make(server, limits: configuration.options.redisLimits, on: self.loops.loops[0], logger: quiet)
        defer { redis.close() }
        if case .error(let text) = try await redis.send(RedisCommand("PING", arguments: [])) {
            throw StartError(description: "\(server.description): \(text)")
        }
    }

    /// Without a host, all addresses: of both kinds if the machine has IPv6.
    private static func endpoint(_ address: PlanBSettings.Address) async throws -> SocketEndpoint {
        if address.host.isEmpty { return SocketEndpoint(ip: self.hasIPv6 ? .v6(high: 0, low: 0) : .v4(0), port: address.port) }
        let result = await withCheckedContinuation { continuation in
            NameResolver.shared.resolve(address.host, port: Int(address.port)) { continuation.resume(returning: $0) }
        }
        guard let ip = try result.get().first?.ipAddress.flatMap({ IPAddress($0) }) else {
            throw StartError(description: "\(address.text): the host has no address")
        }
        return SocketEndpoint(ip: ip, port: address.port)
    }

    private static var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0 && access("/proc/net/if_inet6", R_OK) == 0
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func say(_ text: String) { StandardError.write(Array("\(text)\n".utf8)) }
}

/// Ignores activity: nothing depends on how long ago a frontend was used.
private struct NoActivity: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}
