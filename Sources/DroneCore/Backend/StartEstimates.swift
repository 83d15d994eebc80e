package import PlaneProtocol
import Synchronization

/// How long backends of each image took to become ready on this drone, by how they were started; says what the next one will take. In memory: an
/// agent that has just started knows nothing.
package final class StartEstimates: Sendable {
    /// Images that are remembered; of more, the one that was started longest ago is forgotten.
    static let imageLimit = 256
    /// Starts of one kind that count.
    static let sampleLimit = 32

    private struct Image {
        /// Microseconds, by kind of start; the newest last.
        var samples: [BackendStartKind: [Int64]] = [:]
        /// Grows with every use.
        var lastUse: UInt64 = 0
    }

    private struct State {
        var images: [String: Image] = [:]
        var uses: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// A backend has become ready. What an image's pull has taken does not count: the next one finds the image.
    func note(_ phases: SpawnPhases, of image: String, by start: BackendStartKind) {
        guard let ready = phases.ready else { return }
        let taken = max(0, ready - (phases.pulled ?? 0))
        self.state.withLock { state in
            state.uses += 1
            if state.images[image] == nil, state.images.count >= Self.imageLimit, let oldest = state.images.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                state.images[oldest.key] = nil
            }
            var samples = state.images[image, default: Image()].samples[start, default: []]
            if samples.count >= Self.sampleLimit { samples.removeFirst() }
            samples.append(taken)
            state.images[image, default: Image()].samples[start] = samples
            state.images[image]?.lastUse = state.uses
        }
    }

    /// - Parameter start: How it will be started.
    /// - Returns: The median of the starts of that kind; of the other kinds where there was none; nil for an image that never became ready here.
    package func estimate(of image: String, by start: BackendStartKind) -> Duration? {
        self.state.withLock { state in
            guard let samples = state.images[image]?.samples else { return nil }
            let counted = (samples[start] ?? samples.values.flatMap(\.self)).sorted()
            return counted.isEmpty ? nil : .microseconds(counted[counted.count / 2])
        }
    }
}
