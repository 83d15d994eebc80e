import PlaneClient
import PlaneProtocol
import Synchronization

/// What this gateway has learned of backends since it started: how long they took to become ready, and why they ended.
final class RecentHistory: Sendable {
    struct Facts: Sendable {
        var millisecondsToReady: Int64?
        /// Why the backend ended, in a sentence.
        var diagnosis: String?
        /// When it ended, by its drone's clock.
        fileprivate var ended: WireTime?
    }

    private struct State {
        var facts: [BackendID: Facts] = [:]
        /// The backends in `facts`, the oldest first, beginning at the index `oldest`.
        var order: [BackendID] = []
        var oldest = 0
        /// Durations until ready, in milliseconds, of the last thousand backends that became ready.
        var starts: [Int64] = []
        var nextStart = 0
    }

    private static let limit = 10_000
    private static let startLimit = 1000
    private let state = Mutex(State())

    func heard(_ message: BackendStateMessage) {
        guard message.detail?.ending == nil else { return }
        self.state.withLock { state in
            // After the end of a backend its id may be given to another one.
            if !message.state.isTerminal, let ended = state.facts[message.backend]?.ended, message.time > ended {
                state.facts[message.backend] = Facts()
            }
            guard message.state == .ready || message.state.isTerminal else { return }
            if state.facts[message.backend] == nil { Self.makeRoom(for: message.backend, in: &state) }
            var facts = state.facts[message.backend] ?? Facts()
            if message.state == .ready, facts.millisecondsToReady == nil, let milliseconds = message.detail?.phases?.millisecondsToReady {
                facts.millisecondsToReady = milliseconds
                if state.starts.count < Self.startLimit { state.starts.append(milliseconds) } else { state.starts[state.nextStart] = milliseconds }
                state.nextStart = (state.nextStart + 1) % Self.startLimit
            } else if message.state.isTerminal {
                facts.diagnosis = Diagnosis(message, wasReady: facts.millisecondsToReady != nil).sentence
                facts.ended = message.time
            }
            state.facts[message.backend] = facts
        }
    }

    private static func makeRoom(for backend: BackendID, in state: inout State) {
        if state.order.count < self.limit {
            state.order.append(backend)
        } else {
            state.facts[state.order[state.oldest]] = nil
            state.order[state.oldest] = backend
            state.oldest = (state.oldest + 1) % self.limit
        }
    }

    func facts(of backend: BackendID) -> Facts? { self.state.withLock { $0.facts[backend] } }
    var starts: [Int64] { self.state.withLock { $0.starts } }
}

extension SpawnPhases {
    /// From the request to the first answer of the backend's port.
    var millisecondsToReady: Int64? {
        guard let ready = self.ready else { return nil }
        let (passed, overflow) = ready.subtractingReportingOverflow(min(self.scheduled ?? 0, 0))
        return overflow ? nil : passed / 1000
    }
}
