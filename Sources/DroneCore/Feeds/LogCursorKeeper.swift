import DroneStore
import Logging
import PlaneService

/// Writes the log positions to the table, so that an agent that comes back goes on where this one stopped.
package struct LogCursorKeeper: Sendable {
    /// An agent that is killed repeats at most this much of a backend's output.
    private static let period = Duration.seconds(1)

    private let context: BackendContext

    package init(context: BackendContext) {
        self.context = context
    }

    package func run() async {
        while (try? await self.context.sleep(Self.period)) != nil { await self.write() }
    }

    package func write() async {
        let cursors = self.context.cursors.take()
        do throws(StoreError) {
            try await self.context.store.setLogCursors(cursors)
        } catch {
            self.context.cursors.putBack(cursors)
            self.context.logger.debug("log positions not written", metadata: [LogKey.error: "\(error)"])
        }
    }
}
