package import EpollTransport
package import Logging
package import Metrics
import NIOCore
package import ProxyCore

/// The policies of a proxy of the tier. All event loops use one directory for each cluster.
package struct TierPolicySource: ProxyPolicySource {
    /// A cluster that is served.
    package struct Cluster: Sendable {
        package var options: TierProxyOptions
        package var directory: TierDirectory

        package init(_ options: TierProxyOptions, _ directory: TierDirectory) {
            self.options = options
            self.directory = directory
        }
    }

    private let clusters: [Cluster]

    /// - Parameter clusters: At least one.
    package init(_ clusters: [Cluster]) {
        precondition(!clusters.isEmpty, "a tier has a cluster")
        self.clusters = clusters
    }

    package func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        let policies = self.clusters.enumerated().map { number, cluster in
            let policy = TierPolicy(cluster.options, number: number, directory: cluster.directory, host: host)
            let loop = host.eventLoop
            let bound = NIOLoopBound(policy, eventLoop: loop)
            cluster.directory.listen { change, done in
                loop.execute { bound.value.changed(change, done) }
            }
            policy.startTellingUse()
            return policy
        }
        if policies.count == 1 { return policies[0] }
        return TierClustersPolicy(policies)
    }

    package func shutDown() async throws {}
}

extension ProxyServer {
    /// A proxy of the tier.
    ///
    /// - Parameters:
    ///   - clusters: At least one, whose limits and log are those of all.
    ///   - group: Carries the traffic. Not shut down by the server.
    package convenience init(
        tier clusters: [TierPolicySource.Cluster], group: EpollEventLoopGroup, metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger
    ) async throws {
        let source = TierPolicySource(clusters)
        try await self.init(
            options: clusters[0].options.engine, policies: source, activity: DronesCount(), group: group,
            metrics: metrics, logger: logger)
    }
}

/// Ignores activity: how long ago a backend was used is recorded on its drone.
private struct DronesCount: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}
