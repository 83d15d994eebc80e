package import EpollTransport
package import Logging
package import Metrics
import NIOCore
import NIOPosix
package import ProxyCore

/// Makes the policies of a drone's proxy, and owns the thread that looks up its backends.
package struct DronePolicySource: ProxyPolicySource {
    private let options: DroneProxyOptions
    private let group: MultiThreadedEventLoopGroup
    private let directory: RouteDirectory<RouteAnswer>

    package init(_ options: DroneProxyOptions, routes: some PolledRouteSource<RouteAnswer>) async throws {
        self.options = options
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.directory = try await RouteDirectory(polling: routes, loop: self.group.next())
    }

    package func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        let policy = DronePolicy(self.options, directory: self.directory, host: host)
        let loop = host.eventLoop
        let bound = NIOLoopBound(policy, eventLoop: loop)
        self.directory.listen { name, answer in
            loop.execute { bound.value.routeChanged(name, answer) }
        }
        return policy
    }

    package func shutDown() async throws {
        try await self.group.shutdownGracefully()
    }
}

extension ProxyServer {
    /// The proxy of a drone.
    ///
    /// - Parameter group: the event loops that carry the traffic; the server does not shut it down.
    package convenience init(
        options: DroneProxyOptions, routes: some PolledRouteSource<RouteAnswer>, activity: some ActivitySink, group: EpollEventLoopGroup,
        metrics: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) async throws {
        try await self.init(
            options: options.engine, policies: try await DronePolicySource(options, routes: routes), activity: activity, group: group,
            metrics: metrics, logger: logger)
    }
}
