import NATS

/// The right to do what one scheduler is enough for. Whatever is done under it must be harmless if two do it: a lease keeps work from
/// being done twice, it does not make it safe.
///
/// It is a message that the stream forgets after 30 s, replaced in time by its author; who finds none takes it by compare-and-set. Its
/// author stops relying on it well before the server forgets it, counted from before it was written.
struct Lease {
    /// Between attempts to take or renew it.
    static let attemptPeriod: Duration = .seconds(5)
    private static let reliableFor: Duration = SchedulerStreams.leaseDuration - .seconds(10)

    private let jetStream: JetStream
    private let subject: String
    /// Of our own message; 0 while we have none.
    private var sequence: UInt64 = 0
    private var heldUntil: ContinuousClock.Instant?
    private var nextAttempt: ContinuousClock.Instant?

    init(_ name: String, jetStream: JetStream) {
        self.jetStream = jetStream
        self.subject = "lease.\(name)"
    }

    /// To be called every second or so. Whether we have the lease.
    mutating func keep() async -> Bool {
        let now = ContinuousClock.now
        if now >= self.nextAttempt ?? now { await self.attempt(now) }
        return self.heldUntil.map { .now < $0 } ?? false
    }

    /// Lets somebody else have it at once.
    mutating func release() async {
        guard self.sequence > 0, self.heldUntil != nil else { return }
        // Failing that, it is over by itself in half a minute.
        _ = try? await self.jetStream.purge(stream: SchedulerStreams.leases, subject: self.subject, before: self.sequence + 1)
        self.sequence = 0
        self.heldUntil = nil
    }

    private mutating func attempt(_ now: ContinuousClock.Instant) async {
        self.nextAttempt = now + Self.attemptPeriod
        do {
            self.sequence = try await self.jetStream.publish(
                [], to: self.subject, expectedLastSubjectSequence: self.sequence, timeout: .seconds(2)
            ).sequence
            self.heldUntil = now + Self.reliableFor
        } catch {
            guard error.code == .wrongLastSequence else { return }
            // Somebody else's, or forgotten by the server; the next attempt tells.
            self.sequence = 0
            self.heldUntil = nil
        }
    }
}
