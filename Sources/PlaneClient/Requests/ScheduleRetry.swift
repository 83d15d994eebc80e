import PlaneMessaging

/// How often a schedule request is sent again, and how long each answer is waited for.
package struct ScheduleRetry: Sendable, Hashable {
    /// Of one attempt. The scheduler waits up to 6 s for a lock that is being taken.
    package var answerLimit: Duration
    /// Before each attempt after the first: as many attempts more as there are pauses.
    package var pauses: [Duration]

    package init(answerLimit: Duration = PlaneBus.requestTimeout, pauses: [Duration]) {
        self.answerLimit = answerLimit
        self.pauses = pauses
    }

    /// For a server: over the moment in which a scheduler is replaced or NATS chooses a leader.
    package static let standard = ScheduleRetry(pauses: [.milliseconds(200), .seconds(1), .seconds(3)])
    /// For a person who waits, and is to be told soon what is wrong.
    package static let once = ScheduleRetry(pauses: [.zero])
    package static let none = ScheduleRetry(pauses: [])
}
