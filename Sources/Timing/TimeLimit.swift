/// Runs `body` for at most `limit`. Then it is cancelled, and this waits until it has returned.
///
/// - Returns: what `body` returned, or nil if the limit passed first. If the calling task is cancelled, `body` is too, and what it then returns or throws is
///   the result.
package func withTimeLimit<Value: Sendable, Failure: Error>(
    _ limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value? {
    let outcome = await withTaskGroup(of: LimitedOutcome<Value, Failure>.self) { group in
        group.addTask {
            do throws(Failure) {
                return .done(.success(try await body()))
            } catch {
                return .done(.failure(error))
            }
        }
        group.addTask {
            do {
                try await sleep(limit)
                return .limitReached
            } catch {
                return .cancelled
            }
        }
        defer { group.cancelAll() }
        while let outcome = await group.next() {
            switch outcome {
            case .done(let result): return result as Result<Value, Failure>?
            case .limitReached: return nil
            case .cancelled: continue
            }
        }
        return nil
    }
    return try outcome?.get()
}

private enum LimitedOutcome<Value: Sendable, Failure: Error>: Sendable {
    case done(Result<Value, Failure>)
    case limitReached
    /// The task that waited was cancelled before the limit.
    case cancelled
}
