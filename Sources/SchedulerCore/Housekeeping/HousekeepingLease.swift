import NATS
import PlaneMessaging

/// Which scheduler does what one is enough for. The stream forgets a lease that is not renewed, so that whoever finds none may take it.
struct HousekeepingLease {
    /// Between attempts to take or renew it.
    static let attemptPeriod: Duration = .seconds(5)

    private let lease: StreamLease
    private var nextAttempt: ContinuousClock.Instant?

    init(_ name: String = "housekeeping", jetStream: JetStream) {
        self.lease = StreamLease(
            stream: SchedulerStreams.leases, subject: "lease.\(name)", duration: SchedulerStreams.leaseDuration, jetStream: jetStream)
    }

    /// To be called every second or so. Whether we have the lease.
    mutating func keep() async -> Bool {
        let now = ContinuousClock.now
        if now >= self.nextAttempt ?? now {
            self.nextAttempt = now + Self.attemptPeriod
            // Held by another scheduler, or not to be written at the moment: what we hold until then tells.
            try? await self.lease.write(at: now)
        }
        return self.lease.isHeld()
    }

    /// Lets somebody else have it at once.
    func release() async { await self.lease.remove() }
}
