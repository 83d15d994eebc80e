import Synchronization

/// Tells everybody who waits for an image how far it is, now and then.
final class PullProgressReporter: Sendable {
    /// A person reads along; a registry's news come by the hundred a second.
    private static let period = Duration.seconds(1)

    private struct State {
        var tally = PullTally()
        var toldAt: ContinuousClock.Instant?
        var listeners: [@Sendable (String) -> Void] = []
    }

    private let state = Mutex(State())

    func listen(_ listener: @escaping @Sendable (String) -> Void) { self.state.withLock { $0.listeners.append(listener) } }

    func step(_ step: PullStep, at now: ContinuousClock.Instant = .now) {
        let news: (text: String, listeners: [@Sendable (String) -> Void])? = self.state.withLock { state in
            state.tally.apply(step)
            guard let toldAt = state.toldAt else {
                state.toldAt = now  // the first news are that there is a layer
                return nil
            }
            guard now - toldAt >= Self.period else { return nil }
            state.toldAt = now
            return (state.tally.text, state.listeners)
        }
        guard let news else { return }
        for listener in news.listeners { listener(news.text) }
    }
}
