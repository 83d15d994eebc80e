package import DroneStore
package import Logging
import LogKeys
import PlaneProtocol
import PlaneService
import Synchronization

/// The position up to which each backend's log has been passed on. Positions are collected in memory and written together, so that a line does not cost a
/// write. An agent that is killed repeats at most the lines since the last write.
package final class LogCursors: Sendable {
    private let unwritten = Mutex<[BackendID: WireTime]>([:])

    package init() {}

    func advance(_ backend: BackendID, to time: WireTime) {
        self.unwritten.withLock { $0[backend] = time }
    }

    /// The positions that have changed since the last call.
    func take() -> [BackendID: WireTime] {
        self.unwritten.withLock { cursors in
            defer { cursors = [:] }
            return cursors
        }
    }

    /// Takes positions back that could not be written, except where there is a newer one.
    func putBack(_ cursors: [BackendID: WireTime]) {
        self.unwritten.withLock { $0.merge(cursors) { newer, _ in newer } }
    }
}

/// Writes the log positions to the table once a second, so that the next agent continues where this one stopped.
package struct LogCursorWriter: Sendable {
    /// The time between two writes. An agent that is killed repeats at most this much of a backend's output.
    private static let period = Duration.seconds(1)

    private let cursors: LogCursors
    private let store: DroneStore
    private let time: AgentTime
    private let logger: Logger

    package init(_ cursors: LogCursors, store: DroneStore, time: AgentTime = AgentTime(), logger: Logger) {
        self.cursors = cursors
        self.store = store
        self.time = time
        self.logger = logger
    }

    package func run() async {
        while (try? await self.time.sleep(Self.period)) != nil { await self.write() }
    }

    package func write() async {
        let cursors = self.cursors.take()
        do throws(StoreError) {
            try await self.store.setLogCursors(cursors)
        } catch {
            self.cursors.putBack(cursors)
            self.logger.debug("log positions not written", metadata: [LogKey.error: "\(error)"])
        }
    }
}
