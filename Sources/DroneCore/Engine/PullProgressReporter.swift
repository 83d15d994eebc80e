import Synchronization

/// The progress of one layer of an image that is being pulled.
package struct PullStep: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// The layer is known, but nothing has been done yet.
        case waiting
        /// `done` bytes of the layer have been fetched, of the number in `of`.
        case fetching(done: Int64, of: Int64)
        /// The layer is fetched, and is being unpacked or about to be.
        case unpacking
        case done
    }

    /// Names the layer within its image.
    package var layer: String
    package var state: State

    package init(layer: String, _ state: State) {
        self.layer = layer
        self.state = state
    }
}

/// Reports the progress of a pull to all that wait for the image, now and then.
final class PullProgressReporter: Sendable {
    /// Reports are for people, and a registry sends hundreds of updates per second.
    private static let period = Duration.seconds(1)

    private struct State {
        var tally = PullTally()
        var reportedAt: ContinuousClock.Instant?
        var listeners: [@Sendable (String) -> Void] = []
    }

    private let state = Mutex(State())

    func listen(_ listener: @escaping @Sendable (String) -> Void) { self.state.withLock { $0.listeners.append(listener) } }

    func step(_ step: PullStep, at now: ContinuousClock.Instant = .now) {
        let news: (text: String, listeners: [@Sendable (String) -> Void])? = self.state.withLock { state in
            state.tally.apply(step)
            guard let reportedAt = state.reportedAt else {
                state.reportedAt = now  // the first news are that there is a layer
                return nil
            }
            guard now - reportedAt >= Self.period else { return nil }
            state.reportedAt = now
            return (state.tally.text, state.listeners)
        }
        guard let news else { return }
        for listener in news.listeners { listener(news.text) }
    }
}

/// The progress of pulling an image, added up over its layers.
struct PullTally: Hashable {
    private var layers: [String: PullStep.State] = [:]

    mutating func apply(_ step: PullStep) { self.layers[step.layer] = step.state }

    /// The progress as text: `3 of 7 layers, 12.5 of 80.0 MB of those under way`. The size of a layer is known only when its turn comes.
    var text: String {
        let done = self.layers.values.count { $0 == .done }
        var text = "\(done) of \(self.layers.count) layers"
        var (fetched, total) = (0.0, 0.0)
        for case .fetching(let done, let all) in self.layers.values {
            fetched += Double(done)
            total += Double(all)
        }
        if total > 0 { text += ", \(Self.megabytes(fetched)) of \(Self.megabytes(total)) MB of those under way" }
        return text
    }

    private static func megabytes(_ bytes: Double) -> String {
        let tenths = Int((bytes / 100_000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
