package import EpollTransport
package import Logging
package import Metrics
import NIOCore
package import ProxyCore

/// The policies of a proxy of the tier, all of which use one directory.
package struct TierPolicySource: ProxyPolicySource {
    private let options: TierProxyOptions
    private let directory: TierDirectory

    package init(_ options: TierProxyOptions, directory: TierDirectory) {
        self.options = options
        self.directory = directory
    }

    package func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        let policy = TierPolicy(self.options, directory: self.directory, host: host)
        let loop = host.eventLoop
        let bound = NIOLoopBound(policy, eventLoop: loop)
        self.directory.listen { change in
            loop.execute { bound.value.changed(change) }
        }
        policy.startTellingUse()
        return policy
    }

    package func shutDown() async throws {}
}

extension ProxyServer {
    /// A proxy of the tier.
    ///
    /// - Parameter group: Carries the traffic. Not shut down by the server.
    package convenience init(
        tier options: TierProxyOptions, directory: TierDirectory, group: EpollEventLoopGroup, metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger
    ) async throws {
        try await self.init(
            options: options.engine, policies: TierPolicySource(options, directory: directory), activity: DronesCount(), group: group,
            metrics: metrics, logger: logger)
    }
}

/// How long ago a backend was used is counted on its drone.
private struct DronesCount: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}
