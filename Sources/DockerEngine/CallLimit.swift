import Timing

/// How long a call may take. One that only reads or changes the daemon's memory must be prompt; one which waits for a
/// program, a registry or a person has no limit but the cancellation of the task that made it.
struct CallLimit: Sendable {
    /// nil: none.
    var duration: Duration?

    /// Inspect, list, create and the like: milliseconds on a healthy machine, seconds on one that thrashes.
    static let prompt = CallLimit(duration: .seconds(30))
    /// Starting runs hooks and a runtime, and fifty at once queue up in containerd.
    static let start = CallLimit(duration: .seconds(120))
    /// Waiting, following logs or events, pulling.
    static let none = CallLimit(duration: nil)

    /// Stopping: the container's own grace period, then what the daemon needs to kill it.
    static func stop(grace: Duration) -> CallLimit { CallLimit(duration: grace + .seconds(30)) }
}

/// The limit has passed.
struct TimeLimitReached: Error {}

/// Runs `body`, cancelling it when `limit` has passed.
func withCallLimit<Result: Sendable>(
    _ limit: CallLimit, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let duration = limit.duration else { return try await body() }
    guard let result = try await withTimeLimit(duration, body) else { throw TimeLimitReached() }
    return result
}
