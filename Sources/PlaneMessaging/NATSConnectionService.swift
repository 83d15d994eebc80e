import Metrics
package import NATS
import PlaneService
import ServiceLifecycle

/// Keeps the connection to the end of the process, then closes it in order: what was published still reaches the server.
///
/// The first of the services, and so the last to stop.
package struct NATSConnectionService: Service {
    private let connection: NATSConnection
    private let opens: Bool

    /// How long sending the last answers may take. Received messages have been handled before, when their services stopped.
    private static let drainLimit: Duration = .seconds(5)
    private static let watchInterval: Duration = .seconds(5)

    /// - Parameter opens: Whether this service makes the connection, for a process whose other services work without it too. The service fails
    ///   where a connection cannot be made.
    package init(_ connection: NATSConnection, opens: Bool = false) {
        self.connection = connection
        self.opens = opens
    }

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.watch() }
            try await self.serve()
            group.cancelAll()
        }
    }

    /// Reports as a metric whether there is a connection, from the first attempt on.
    private func watch() async {
        let isConnected = Meter(label: "plane_nats_is_connected")
        repeat {
            isConnected.set(self.connection.isConnected ? 1 : 0)
        } while (try? await Task.sleep(for: Self.watchInterval)) != nil
    }

    private func serve() async throws {
        if self.opens {
            do {
                try await cancelWhenGracefulShutdown { try await self.connection.open() }
            } catch let error as NATSError where error.code == .cancelled {
                // The process ends before a connection was made.
            }
        }
        // Whether the task is cancelled or shut down in order, the process ends.
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await LogFeed.ofThisProcess.run(over: self.connection) }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await self.connection.drain(timeout: Self.drainLimit)
    }
}
