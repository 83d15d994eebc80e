import Synchronization

/// Holds the one piece of work that may be abandoned before it is done. Its task is a child of the supervisor's group in all but name:
/// the child that `run` is called in waits for it and passes its own cancellation on.
final class CancellableTask: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Does the work; returns when it is done or has been abandoned.
    func run(_ work: @escaping @Sendable () async -> Void) async {
        let task = Task { await work() }  // awaited two lines below
        self.task.withLock { $0 = task }
        await withTaskCancellationHandler { await task.value } onCancel: { task.cancel() }
    }

    /// Ends the work, if any, and returns when nothing of it runs any more.
    func abandon() async {
        let task = self.task.withLock { task in
            defer { task = nil }
            return task
        }
        task?.cancel()
        await task?.value
    }
}
