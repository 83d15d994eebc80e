/// How long to wait before each next attempt at something that has to succeed in the end. The last entry repeats for ever.
package struct RetrySchedule: Sendable {
    private let pauses: [Duration]

    package init(_ first: Duration, _ rest: Duration...) {
        self.pauses = [first] + rest
    }

    /// - Parameter failures: How many attempts have failed so far, at least 1.
    package func pause(after failures: Int) -> Duration {
        self.pauses[min(max(failures, 1), self.pauses.count) - 1]
    }

    /// Docker calls that clean up, or find out what is. Docker restarts take seconds; a Docker that is gone for long is asked gently.
    static let engine = RetrySchedule(
        .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30))

    /// Writes to SQLite. Another process's write lasts milliseconds, and the busy timeout has waited 5 s already.
    static let store = RetrySchedule(.milliseconds(10), .milliseconds(100), .seconds(1), .seconds(5))

    /// Requests to schedulers and connections that will come back.
    static let peers = RetrySchedule(.milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10))
}
