import Timing

/// Runs `body` and gives it up when it takes longer than `limit`.
/// - Parameter work: what takes so long, for the failure.
func withDeadline<Value: Sendable>(
    _ limit: Duration, of work: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard let value = try await withTimeLimit(limit, body) else {
        throw CommandFailure(.noAnswer, "Gave up \(work) after \(limit.brief).")
    }
    return value
}
