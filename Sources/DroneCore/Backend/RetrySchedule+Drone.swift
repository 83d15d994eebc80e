import Timing

extension RetrySchedule {
    /// Docker calls that clean up, or find out what is. Docker restarts take seconds; a Docker that is gone for long is asked gently.
    static let engine = RetrySchedule(
        .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30))

    /// Writes to SQLite. Another process's write lasts milliseconds, and the busy timeout has waited 5 s already.
    static let store = RetrySchedule(.milliseconds(10), .milliseconds(100), .seconds(1), .seconds(5))

    /// Requests to schedulers and connections that will come back.
    static let peers = RetrySchedule(.milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10))
}
