import PlaneProtocol
import Synchronization

/// Up to where each backend's log has been passed on. Collected in memory and written together, so that a chatty backend does not cost
/// a write per line; an agent that is killed repeats at most the lines since the last write.
package final class LogCursors: Sendable {
    private let unwritten = Mutex<[BackendID: WireTime]>([:])

    package init() {}

    func advance(_ backend: BackendID, to time: WireTime) {
        self.unwritten.withLock { $0[backend] = time }
    }

    /// What has moved since the last call.
    func take() -> [BackendID: WireTime] {
        self.unwritten.withLock { cursors in
            defer { cursors = [:] }
            return cursors
        }
    }

    /// Gives back what could not be written, unless it has moved on since.
    func putBack(_ cursors: [BackendID: WireTime]) {
        self.unwritten.withLock { $0.merge(cursors) { newer, _ in newer } }
    }
}
