import PlaneProtocol
import PlaneTestSupport
import Synchronization

/// A clock that stands still until it is moved, and wakes those whose time has come.
final class ManualTime: Sendable {
    private struct Sleeper {
        var wakesAt: Int64
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var seconds: Int64
        /// How far the wall clock is from where it would be had nobody set it.
        var offset: Int64 = 0
        var lastTicket: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        /// Cancelled before it slept.
        var cancelled: Set<UInt64> = []
    }

    private let state: Mutex<State>

    init(seconds: Int64 = 1_700_000_000) {
        self.state = Mutex(State(seconds: seconds))
    }

    var now: WireTime { WireTime(seconds: self.state.withLock { $0.seconds + $0.offset }) }

    /// By a clock that nobody sets.
    var uptime: Duration { .seconds(self.state.withLock { $0.seconds }) }

    /// Sets the wall clock, forth or back. Nobody wakes of that.
    func set(by seconds: Int64) { self.state.withLock { $0.offset += seconds } }

    func wait(_ duration: Duration) async throws {
        let ticket = self.state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = self.state.withLock { state in
                    guard state.cancelled.remove(ticket) == nil else { return true }
                    let seconds = duration.components.attoseconds > 0 ? duration.components.seconds + 1 : duration.components.seconds
                    state.sleepers[ticket] = Sleeper(wakesAt: state.seconds + seconds, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = self.state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: ticket)
                if sleeper == nil { state.cancelled.insert(ticket) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Returns when somebody sleeps for exactly as long.
    func waitForSleeper(_ seconds: Int64) async throws {
        try await eventually("somebody sleeps for \(seconds) s") {
            self.state.withLock { state in state.sleepers.values.contains { $0.wakesAt == state.seconds + seconds } }
        }
    }

    /// Moves the clock on, once somebody sleeps for exactly as long.
    func pass(_ seconds: Int64) async throws {
        try await self.waitForSleeper(seconds)
        let due = self.state.withLock { state in
            state.seconds += seconds
            let due = state.sleepers.filter { $0.value.wakesAt <= state.seconds }
            for ticket in due.keys { state.sleepers[ticket] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }
}
