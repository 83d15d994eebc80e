/// Runs `body` for at most `limit`; then it is cancelled, and awaited.
///
/// - Returns: What `body` returned, or nil when the limit passed first.
func withLimit<Value: Sendable>(
    _ limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
    _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await body() }
        group.addTask {
            try? await sleep(limit)  // cancelled as soon as the body has returned
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
}
