/// How long the parts of a schedule request may take. A requester waits 10 s and must have its answer before.
package struct ScheduleLimits: Hashable, Sendable {
    /// No new step that takes time begins after this.
    package var total: Duration = .seconds(8)
    /// No drone's answer is waited for after this, even if a lock was waited for before.
    package var answer: Duration = .seconds(9)
    /// A drone accepts within milliseconds, before it does any work; silence is asked a second time for as long, and an answer to either
    /// counts.
    package var spawnAnswer: Duration = .milliseconds(2500)
    /// A refusal is still heard for so long, because it frees the lock.
    package var lateAnswer: Duration = .seconds(60)
    /// Somebody else who is about to take the lock is waited for.
    package var lockWait: Duration = .seconds(6)
    /// Our own write comes back to us.
    package var worldEcho: Duration = .seconds(2)
    /// Drones asked for one request; if so many refuse, the next ones will not do better.
    package var dronesAsked = 5

    package init() {}
}
