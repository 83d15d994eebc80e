package import PlaneProtocol
import PlaneService

/// Gives the parts of the agent the time. Tests use a clock that they move themselves.
package struct AgentTime: Sendable {
    /// Wall clock, for what is stored and reported.
    package var now: @Sendable () -> WireTime = { WireTime.now() }
    /// The time since some fixed moment, by a clock that cannot be set.
    package var uptime: @Sendable () -> Duration = { Self.start.duration(to: .now) }
    /// Sleeps for a duration. Throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    private static let start = ContinuousClock.now

    package init() {}
}
