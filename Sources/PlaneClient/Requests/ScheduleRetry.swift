import PlaneMessaging
package import Timing

/// How often a schedule request is sent again, and how long each answer is waited for.
package struct ScheduleRetry: Sendable, Hashable {
    /// The time limit of one attempt. The scheduler waits up to 6 s for a lock that is being taken.
    package var answerLimit: Duration
    /// The pauses before further attempts; nil for a single attempt.
    package var pauses: RetrySchedule?
    /// When the last answer must have come; nil for no limit but that of each attempt.
    package var end: ContinuousClock.Instant?

    package init(answerLimit: Duration = PlaneBus.requestTimeout, pauses: [Duration], end: ContinuousClock.Instant? = nil) {
        self.answerLimit = answerLimit
        self.pauses = RetrySchedule(pauses)
        self.end = end
    }

    /// For servers: long enough while a scheduler is replaced or NATS elects a leader.
    package static let standard = ScheduleRetry(pauses: [.milliseconds(200), .seconds(1), .seconds(3)])
    /// For people who wait and want to know soon what is wrong.
    package static let once = ScheduleRetry(pauses: [.zero])
    package static let none = ScheduleRetry(pauses: [])

    /// The time limit of an attempt that begins now.
    var currentLimit: Duration {
        self.end.map { max(.milliseconds(1), min(self.answerLimit, $0 - .now)) } ?? self.answerLimit
    }
}
