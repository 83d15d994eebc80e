/// How long to wait before each next attempt at something that has failed.
package struct RetrySchedule: Sendable {
    /// At least one; the last repeats for whoever never gives up.
    package let pauses: [Duration]

    package init(_ first: Duration, _ rest: Duration...) {
        self.pauses = [first] + rest
    }

    /// For an attempt that has to succeed in the end: the last pause repeats for ever.
    /// - Parameter failures: How many attempts have failed so far, at least 1.
    package func pause(after failures: Int) -> Duration {
        self.pauses[min(max(failures, 1), self.pauses.count) - 1]
    }

    /// For an attempt that may fail in the end: calls `body` until it succeeds, once more than there are pauses. A task that is cancelled does
    /// not wait between them, so `body` should notice it.
    ///
    /// - Parameters:
    ///   - isWorthwhile: Whether another attempt may succeed after this failure.
    /// - Throws: The error of the last attempt.
    package func attempt<Value, Failure: Error>(
        sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }, if isWorthwhile: (Failure) -> Bool = { _ in true },
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        for pause in self.pauses {
            do throws(Failure) {
                return try await body()
            } catch {
                guard isWorthwhile(error) else { throw error }
            }
            try? await sleep(pause)
        }
        return try await body()
    }
}
