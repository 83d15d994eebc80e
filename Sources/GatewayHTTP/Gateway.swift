import GatewayCore
package import GatewayHTTPConfiguration
import HummingbirdCore
package import Logging
import LogKeys
import NIOCore
import NIOPosix
import NetworkAddresses
import PlaneClient
package import PlaneMessaging
import PlaneService
import ServiceLifecycle
import VisitorTokens

/// The HTTP interfaces for applications: that of Plane 0.5 with its page, and that of 0.3, each if it is configured.
package struct Gateway: Service {
    /// An interface, each with an address of its own.
    package enum Interface: Hashable, Sendable {
        case control
        case legacy
    }

    package let fleet: Fleet
    private let bus: PlaneBus
    private let configuration: GatewayConfiguration?
    private let legacy: HTTPConfiguration?
    private let logger: Logger
    private let onListening: @Sendable (Interface, UInt16) -> Void

    /// How long requests may take that are open when the process is to end. Event streams are closed at once; their readers connect again.
    private static let shutdownLimit: Duration = .seconds(2)

    /// - Parameter onListening: called with the address at which each interface listens.
    package init(
        bus: PlaneBus, configuration: GatewayConfiguration?, legacy: HTTPConfiguration?, logger: Logger,
        onListening: @escaping @Sendable (Interface, UInt16) -> Void = { _, _ in }
    ) {
        self.bus = bus
        self.configuration = configuration
        self.legacy = legacy
        self.logger = logger
        self.onListening = onListening
        self.fleet = Fleet(client: PlaneClient(bus: bus), logger: logger)
    }

    package func run() async throws {
        let responder = self.configuration.map { GatewayResponder(fleet: self.fleet, configuration: $0, logger: self.logger) }
        if let key = responder?.tokens.publicKey {
            self.logger.info("visitors' tokens can be signed", metadata: [LogKey.publicKey: "\(key.text)"])
        }
        var failure: (any Error)?
        await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                await self.fleet.run()
                return nil
            }
            if let configuration = self.configuration, let responder {
                group.addTask {
                    await self.serve(.control, at: SocketEndpoint(ip: configuration.bindIP, port: configuration.port)) {
                        await responder.respond(to: $0)
                    }
                }
            }
            if let legacy = self.legacy {
                let responder = LegacyResponder(fleet: self.fleet, configuration: legacy, logger: self.logger)
                group.addTask {
                    await self.serve(.legacy, at: SocketEndpoint(ip: legacy.bindIP, port: legacy.port)) { await responder.respond(to: $0) }
                }
            }
            group.addTask {
                await self.fleet.mirror.waitUntilCaughtUp()
                if !Task.isCancelled { self.logger.info("gateway is ready") }
                // The first task that ends makes the others end.
                try? await gracefulShutdown()
                self.fleet.hub.end()
                // If the task is cancelled meanwhile, nothing is left to wait for.
                try? await Task.sleep(for: Self.shutdownLimit)
                return nil
            }
            failure = await group.next() ?? nil
            self.fleet.hub.end()
            group.cancelAll()
        }
        await responder?.shutDown()
        if let failure { throw failure }
    }

    /// Serves until the process is to end.
    /// - Returns: why it could not.
    private func serve(
        _ interface: Interface, at endpoint: SocketEndpoint, _ respond: @escaping RequestHandler.Responder
    ) async -> (any Error)? {
        var quiet = self.logger
        // The messages of the HTTP server add nothing to ours, so only its warnings are logged.
        quiet.logLevel = max(quiet.logLevel, .warning)
        let server = Server(
            childChannelSetup: HTTPConnections(respond: respond),
            configuration: ServerConfiguration(
                address: .hostname(endpoint.ip.description, port: Int(endpoint.port)), backlog: 1024,
                availableConnectionsDelegate: .maximum(HTTPLimits.connections, logger: quiet)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? 0
                self.logger.debug("requests are served", metadata: [LogKey.port: "\(port)"])
                self.onListening(interface, port)
            },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet)
        do {
            try await server.run()
            // This task ends with the process; other tasks shut everything down.
            try? await gracefulShutdown()
            return nil
        } catch {
            return error
        }
    }
}
