import Synchronization

/// Lets one task at a time make the drone's network; who comes meanwhile waits for what becomes of that.
final class NetworkCreation: Sendable {
    private let current = Mutex<Task<Result<Void, BackendEngineError>, Never>?>(nil)

    func run(_ make: @escaping @Sendable () async throws(BackendEngineError) -> Void) async throws(BackendEngineError) {
        let task = self.current.withLock { current in
            if let current { return current }
            // A task of its own: that one start is given up does not end what others wait for.
            let task = Task {
                let result: Result<Void, BackendEngineError>
                do throws(BackendEngineError) { result = .success(try await make()) } catch { result = .failure(error) }
                self.current.withLock { $0 = nil }
                return result
            }
            current = task
            return task
        }
        try await task.value.get()
    }
}
