package import NATS
import PlaneService
import ServiceLifecycle

/// Keeps the connection to the end of the process, then closes it in order: what was published still reaches the server.
///
/// The first of the services, and so the last to stop.
package struct NATSConnectionService: Service {
    private let connection: NATSConnection

    /// Messages that have arrived were handled when their services stopped; what remains is to send the last answers.
    private static let drainLimit: Duration = .seconds(5)

    package init(_ connection: NATSConnection) {
        self.connection = connection
    }

    package func run() async throws {
        // Cancelled instead of shut down in order, the same is right: the process ends.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await LogFeed.ofThisProcess.run(over: self.connection) }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await self.connection.drain(timeout: Self.drainLimit)
    }
}
