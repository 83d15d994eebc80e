/// Runs `body` and gives it up when it takes longer than `limit`.
/// - Parameter work: what takes so long, for the failure.
func withDeadline<Value: Sendable>(
    _ limit: Duration, of work: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw CommandFailure(.noAnswer, "Gave up \(work) after \(limit.brief).")
        }
        return value
    }
}
