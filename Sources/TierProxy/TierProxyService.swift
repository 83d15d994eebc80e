import CertificateCoreConfiguration
import ConfigurationFiles
package import Logging
import NIOCore
import PlaneService
package import ProxyCore
import ProxyCoreConfiguration
import ProxyProgram
import ServiceLifecycle

/// Serves the tier's visitors. The first process on a machine serves at once, and answers 503 to requests about what it does not know yet. A process that
/// replaces another one first reads everything, so that visitors never get a proxy that knows less than the one before. While NATS is away it waits, and the
/// old process continues to serve.
package struct TierProxyService: FinishingService {
    private let settings: TierProxySettings
    private let server: ProxyServer
    private let fleets: [FollowedFleet]
    private let logger: Logger

    /// A successor reads the whole state of each cluster first, which takes a scheduler some 15 s for a million backends on an idle machine.
    private static let successorLimit: Duration = .seconds(300)
    private static let lookInterval: Duration = .milliseconds(20)

    package init(_ settings: TierProxySettings, server: ProxyServer, fleets: [FollowedFleet], logger: Logger) {
        self.settings = settings
        self.server = server
        self.fleets = fleets
        self.logger = logger
    }

    package func run() async throws {
        if ProxyService.isSuccessor, await !self.waitUntilCurrent() { return try await self.server.shutDown(within: .zero) }
        let certificates = self.settings.certificates(offersHTTP2: self.settings.drone.proxy.http2, logger: self.logger)
        try await ProxyService.bind(
            self.settings.visitors.bindings(certificates) + self.settings.innerBindings(logger: self.logger), program: "gateway-proxy", server: self.server,
            sockets: .ofThisProcess,
            certificates: certificates, replacedDeadline: self.settings.drone.proxy.replacedDeadline.map { TimeAmount($0) },
            successorLimit: Self.successorLimit, logger: self.logger
        ).run()
    }

    /// - Returns: False when the process is to end before everything was read.
    private func waitUntilCurrent() async -> Bool {
        await cancelWhenGracefulShutdown {
            for fleet in self.fleets { await fleet.locations.waitUntilCaughtUp() }
            while !Task.isCancelled, !self.fleets.allSatisfy(\.isCurrent) {
                // Cancelled meanwhile, the loop ends.
                try? await Task.sleep(for: Self.lookInterval)
            }
            return self.fleets.allSatisfy(\.isCurrent) && !Task.isCancelled
        }
    }
}
