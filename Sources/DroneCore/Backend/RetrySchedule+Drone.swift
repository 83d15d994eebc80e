import Timing

extension RetrySchedule {
    /// For calls to Docker that clean up or inspect. Docker restarts within seconds; while it is away for longer it is called rarely.
    static let engine = RetrySchedule(
        .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30))

    /// Writes to SQLite. Another process's write lasts milliseconds, and the busy timeout has waited 5 s already.
    static let store = RetrySchedule(.milliseconds(10), .milliseconds(100), .seconds(1), .seconds(5))

    /// For requests to schedulers, and for connections that are expected to come back.
    static let peers = RetrySchedule(.milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10))
}
