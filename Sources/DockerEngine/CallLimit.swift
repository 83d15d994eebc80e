import Timing

/// How long a call may take. Calls that only read or change the daemon's memory have to be prompt. Calls that wait for a program, a registry or a person have
/// no limit, and end when their task is cancelled.
struct CallLimit: Sendable {
    /// Nil for no limit.
    var duration: Duration?

    /// For inspect, list, create and the like: milliseconds on a healthy machine, seconds on an overloaded one.
    static let prompt = CallLimit(duration: .seconds(30))
    /// For starting a container, which runs hooks and a runtime; fifty at once queue up in containerd.
    static let start = CallLimit(duration: .seconds(120))
    /// For waiting, following logs or events, and pulling.
    static let none = CallLimit(duration: nil)

    /// For stopping: the container's grace period, and then the time that the daemon needs to kill it.
    static func stop(grace: Duration) -> CallLimit { CallLimit(duration: grace + .seconds(30)) }
}

/// Thrown when the limit has passed.
struct TimeLimitReached: Error {}

/// Runs `body`, cancelling it when `limit` has passed.
func withCallLimit<Result: Sendable>(
    _ limit: CallLimit, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let duration = limit.duration else { return try await body() }
    guard let result = try await withTimeLimit(duration, body) else { throw TimeLimitReached() }
    return result
}
