/// The pauses between attempts at something that fails.
package struct RetrySchedule: Hashable, Sendable {
    /// At least one pause; the last one repeats where attempts never end.
    package let pauses: [Duration]

    package init(_ first: Duration, _ rest: Duration...) {
        self.pauses = [first] + rest
    }

    /// Nil where there are no pauses, and so no further attempts.
    package init?(_ pauses: [Duration]) {
        guard !pauses.isEmpty else { return nil }
        self.pauses = pauses
    }

    /// The next pause, for attempts that continue until one succeeds: the last pause repeats.
    /// - Parameter failures: how many attempts have failed so far, at least 1.
    package func pause(after failures: Int) -> Duration {
        self.pauses[min(max(failures, 1), self.pauses.count) - 1]
    }

    /// Calls `body` until it succeeds, at most once more than there are pauses. If the task is cancelled the pauses are skipped, so `body` should notice
    /// that.
    ///
    /// - Parameters:
    ///   - end: no attempt but the first begins after this.
    ///   - isWorthwhile: whether another attempt may succeed after this failure.
    /// - Throws: the error of the last attempt.
    package func attempt<Value, Failure: Error>(
        before end: ContinuousClock.Instant? = nil, sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        if isWorthwhile: (Failure) -> Bool = { _ in true },
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        for pause in self.pauses {
            do throws(Failure) {
                return try await body()
            } catch {
                guard isWorthwhile(error), end.map({ .now + pause < $0 }) ?? true else { throw error }
            }
            try? await sleep(pause)
        }
        return try await body()
    }
}
