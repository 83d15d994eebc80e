import NATS
import PlaneMessaging

/// Decides which scheduler does the work that one is enough for. The stream drops a lease that is not renewed, so that another scheduler can take it.
struct HousekeepingLease {
    /// The time between two attempts to take or renew the lease.
    static let attemptPeriod: Duration = .seconds(5)

    private let lease: StreamLease
    private var nextAttempt: ContinuousClock.Instant?

    init(_ name: String = "housekeeping", jetStream: JetStream) {
        self.lease = StreamLease(
            stream: SchedulerStreams.leases, subject: "lease.\(name)", duration: SchedulerStreams.leaseDuration, jetStream: jetStream)
    }

    /// Takes or renews the lease when that is due, and returns whether this scheduler has it. Called every second or so.
    mutating func keep() async -> Bool {
        let now = ContinuousClock.now
        if now >= self.nextAttempt ?? now {
            self.nextAttempt = now + Self.attemptPeriod
            // If this fails, another scheduler has the lease, or nothing can be written now. `isHeld` then says whether our last lease is still valid.
            try? await self.lease.write(at: now)
        }
        return self.lease.isHeld()
    }

    /// Gives the lease up, so that another scheduler can take it at once.
    func release() async { await self.lease.remove() }
}
