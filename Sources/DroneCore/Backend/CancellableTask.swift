import Synchronization

/// Runs one piece of work after the other, until it is cancelled for good. Each piece is a child of the caller's task in all but name: `run`
/// waits for it and passes its own cancellation on.
final class CancellableTask: Sendable {
    private enum State {
        case open(Task<Void, Never>?)
        case cancelled
    }

    private let state = Mutex(State.open(nil))

    /// Does the work; returns when it is done or has been cancelled. After ``cancel()`` nothing is done.
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

    /// Cancels the work under way and all that is asked for later; returns when nothing of it runs any more.
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
