package import Logging
import LogKeys
import Metrics
package import NATS
import NIOCore
import PlaneMessaging
package import PlaneProtocol
import PlaneService
import ServiceLifecycle
import StateReplication
package import TierProxyPolicy

/// Keeps a proxy of the tier up to date: where backends are, and which tokens are revoked. Reports every 10 s that the proxy is alive (M17), and in metrics
/// what it knows and how old that is.
package struct TierFollower: Service {
    private let fleet: FollowedFleet
    private let directory: TierDirectory
    private let connection: NATSConnection
    private let proxy: ProxyID
    private let process: UInt64
    private let cluster: ClusterName
    /// Whether metrics say which cluster they are about: for those beside the first.
    private let isFurther: Bool
    private let logger: Logger

    private static let reportInterval: Duration = .seconds(1)
    /// How many reports of metrics there are for one message that the proxy is alive.
    private static let reportsPerStatus = 10
    /// After so many seconds without a message the state counts as old. Schedulers write a heartbeat every second; a restart of nats-server takes a few.
    private static let ageLimit: Double = 10

    package init(
        fleet: FollowedFleet, directory: TierDirectory, connection: NATSConnection, proxy: ProxyID, process: UInt64, cluster: ClusterName,
        isFurther: Bool = false, logger: Logger
    ) {
        self.fleet = fleet
        self.directory = directory
        self.connection = connection
        self.proxy = proxy
        self.process = process
        self.cluster = cluster
        self.isFurther = isFurther
        self.logger = logger
        let directory = directory
        fleet.locations.listen { backends, haveEnded in
            directory.apply(.backends(backends))
            if haveEnded { directory.forget(backends) }
        }
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await StateFollower(jetStream: self.connection.jetStream, fleet: self.fleet.locations, logger: self.logger).run() }
            group.addTask { await self.fleet.tokens.follow(into: self.directory) }
            group.addTask { await self.report() }
            // Whether the task is cancelled or shut down in order, the process ends.
            try? await gracefulShutdown()
            group.cancelAll()
        }
    }

    private func report() async {
        var metrics = TierMetrics(of: self.isFurther ? self.cluster : nil)
        var (wasCurrent, wasOld, count) = (false, false, 0)
        while !Task.isCancelled {
            let status = self.fleet.locations.status
            let age = status.published.map { max(0, Double(WireTime.now().seconds - $0.seconds)) }
            let isCurrent = self.fleet.isCurrent
            metrics.report(
                status, isCurrent: isCurrent, isConnected: self.connection.isConnected, age: age, counts: self.directory.counts)
            if isCurrent, !wasCurrent {
                self.logger.info("the state of the fleet is known", metadata: [LogKey.count: "\(status.backends)"])
            }
            let isOld = isCurrent && age.map { $0 > Self.ageLimit } ?? true
            if isOld, !wasOld, isCurrent {
                self.logger.error("what is known is served on: nothing new comes from NATS, or no scheduler runs")
            } else if wasOld, !isOld {
                self.logger.notice("what is known is current again")
            }
            if count % Self.reportsPerStatus == 0 || isCurrent != wasCurrent { self.reportStatus(isReady: isCurrent, stateAge: age) }
            (wasCurrent, wasOld, count) = (isCurrent, isOld, count + 1)
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: Self.reportInterval)
        }
        self.reportEnd()
    }

    /// The processes of the tier are counted, and one that has ended is not to be waited for.
    private func reportEnd() {
        self.tell(
            ProxyStatusMessage(
                proxy: self.proxy, cluster: self.cluster, version: BuildInformation.version, isReady: false, process: self.process, hasEnded: true))
    }

    private func reportStatus(isReady: Bool, stateAge: Double?) {
        let message = ProxyStatusMessage(
            proxy: self.proxy, cluster: self.cluster, version: BuildInformation.version, isReady: isReady, stateAge: stateAge.map { UInt64($0) },
            process: self.process)
        self.directory.apply(.counted) { count in
            var message = message
            message.openRequests = UInt64(count)
            self.tell(message)
        }
    }

    private func tell(_ message: ProxyStatusMessage) {
        // Without a connection nobody hears it; the next one is due in 10 s.
        guard self.connection.isConnected else { return }
        do {
            try self.connection.publish(WireCodec.encode(message), to: message.subject)
        } catch {
            self.logger.warning(
                "gateways and operators are not told that this proxy is there, or has ended",
                metadata: [LogKey.subject: "\(message.subject)", LogKey.error: "\(error)"])
        }
    }
}

/// The metrics of a proxy of the tier, in addition to those of every proxy. Made after the metrics system was set up.
struct TierMetrics {
    private let isConnected: Meter
    private let isCurrent: Meter
    private let age: Meter
    private let backends: Meter
    private let tokens: Meter
    private let revocations: Meter
    private let endedRequests: Counter
    private let expiredRequests: Counter
    private var ended = 0
    private var expired = 0

    /// - Parameter cluster: Nil for the first, whose metrics have no label.
    init(of cluster: ClusterName?) {
        let labels = cluster.map { [("cluster", $0.rawValue)] } ?? []
        self.isConnected = Meter(label: "plane_tier_nats_is_connected", dimensions: labels)
        self.isCurrent = Meter(label: "plane_tier_state_is_known", dimensions: labels)
        self.age = Meter(label: "plane_tier_state_age_seconds", dimensions: labels)
        self.backends = Meter(label: "plane_tier_backends", dimensions: labels)
        self.tokens = Meter(label: "plane_tier_tokens", dimensions: labels)
        self.revocations = Meter(label: "plane_tier_revocations", dimensions: labels)
        self.endedRequests = Counter(label: "plane_tier_ended_requests_total", dimensions: labels)
        self.expiredRequests = Counter(label: "plane_tier_expired_requests_total", dimensions: labels)
    }

    mutating func report(_ status: BackendLocations.Status, isCurrent: Bool, isConnected: Bool, age: Double?, counts: TierDirectory.Counts) {
        self.isConnected.set(isConnected ? 1 : 0)
        self.isCurrent.set(isCurrent ? 1 : 0)
        if let age { self.age.set(age) }
        self.backends.set(Double(status.backends))
        self.tokens.set(Double(counts.tokens))
        self.revocations.set(Double(counts.revocations))
        self.endedRequests.increment(by: counts.endedRequests - self.ended)
        self.expiredRequests.increment(by: counts.expiredRequests - self.expired)
        (self.ended, self.expired) = (counts.endedRequests, counts.expiredRequests)
    }
}
