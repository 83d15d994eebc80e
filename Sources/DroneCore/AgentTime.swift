package import PlaneProtocol
import PlaneService

/// Time as the agent's parts see it; a test gives them a clock that it moves.
package struct AgentTime: Sendable {
    /// Wall clock, for what is stored and reported.
    package var now: @Sendable () -> WireTime = { WireTime.now() }
    /// Time since some moment, by a clock that nobody sets.
    package var uptime: @Sendable () -> Duration = { Self.start.duration(to: .now) }
    /// Throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    private static let start = ContinuousClock.now

    package init() {}
}
