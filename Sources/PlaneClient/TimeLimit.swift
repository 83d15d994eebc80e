import Timing

/// Runs `body`, and cancels it when it takes longer than `limit`.
/// - Parameter work: what takes so long, for the error.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, of work: String, _ body: @escaping @Sendable () async throws(PlaneError) -> Value
) async throws(PlaneError) -> Value {
    guard let value = try await withTimeLimit(limit, body) else { throw .timedOut(work: work, limit: limit) }
    return value
}
