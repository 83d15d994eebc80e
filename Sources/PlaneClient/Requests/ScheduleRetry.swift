import PlaneMessaging

/// How often a schedule request is sent again, and how long each answer is waited for.
package struct ScheduleRetry: Sendable, Hashable {
    /// The time limit of one attempt. The scheduler waits up to 6 s for a lock that is being taken.
    package var answerLimit: Duration
    /// The pauses before further attempts; there are as many of these as pauses.
    package var pauses: [Duration]

    package init(answerLimit: Duration = PlaneBus.requestTimeout, pauses: [Duration]) {
        self.answerLimit = answerLimit
        self.pauses = pauses
    }

    /// For servers: long enough while a scheduler is replaced or NATS elects a leader.
    package static let standard = ScheduleRetry(pauses: [.milliseconds(200), .seconds(1), .seconds(3)])
    /// For people who wait and want to know soon what is wrong.
    package static let once = ScheduleRetry(pauses: [.zero])
    package static let none = ScheduleRetry(pauses: [])
}
