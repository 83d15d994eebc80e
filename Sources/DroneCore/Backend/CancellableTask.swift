import Synchronization

/// Runs one piece of work after the other, until it is cancelled for good. `run` waits for the piece and cancels it when the caller's task is cancelled, so
/// it is in effect a child of that task.
final class CancellableTask: Sendable {
    private enum State {
        case open(Task<Void, Never>?)
        case cancelled
    }

    private let state = Mutex(State.open(nil))

    /// Does the work, and returns when it is done or has been cancelled. After ``cancel()`` it returns at once.
    func run(_ work: @escaping @Sendable () async -> Void) async {
        let task = self.state.withLock { state -> Task<Void, Never>? in
            guard case .open = state else { return nil }
            let task = Task { await work() }  // awaited below
            state = .open(task)
            return task
        }
        guard let task else { return }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Cancels the current work and all later work; returns when no work is running any more.
    func cancel() async {
        let task = self.state.withLock { state -> Task<Void, Never>? in
            guard case .open(let task) = state else { return nil }
            state = .cancelled
            return task
        }
        task?.cancel()
        await task?.value
    }
}
