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
        /// As the first request has named it.
        let name: String
        /// Microseconds, by kind of start; the newest last.
        var samples: [BackendStartKind: [Int64]] = [:]
        /// Grows with every use.
        var lastUse: UInt64 = 0
    }

    private struct State {
        var images: [ImageKey: Image] = [:]
        var uses: UInt64 = 0
        /// Microseconds that the latest backends of any image took, and the latest pulls; the newest last.
        var readies: [Int64] = []
        var pulls: [Int64] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// A backend has become ready. What an image's pull has taken does not count: the next one finds the image.
    ///
    /// - Parameter wasMissing: false where the image was pulled only to look for a newer one, which mostly fetches nothing.
    func note(_ phases: SpawnPhases, of image: String, by start: BackendStartKind, wasMissing: Bool = true) {
        guard let ready = phases.ready else { return }
        let (key, taken) = (ImageKey(image), max(0, ready - (phases.pulled ?? 0)))
        self.state.withLock { state in
            state.uses += 1
            Self.append(taken, to: &state.readies)
            if wasMissing, let pulled = phases.pulled { Self.append(max(0, pulled), to: &state.pulls) }
            if state.images[key] == nil, state.images.count >= Self.imageLimit, let oldest = state.images.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                state.images[oldest.key] = nil
            }
            Self.append(taken, to: &state.images[key, default: Image(name: image)].samples[start, default: []])
            state.images[key]?.lastUse = state.uses
        }
    }

    private static func append(_ sample: Int64, to samples: inout [Int64]) {
        if samples.count >= Self.sampleLimit { samples.removeFirst() }
        samples.append(sample)
    }

    private static func median(of samples: [Int64]) -> Duration? {
        samples.isEmpty ? nil : .microseconds(samples.sorted()[samples.count / 2])
    }

    /// What is known of starts in general.
    struct Overview: Sendable {
        /// How many backends have become ready.
        var uses: UInt64
        /// The median of the latest starts, whatever the image; nil where there was none.
        var ready: Duration?
        /// The median of the latest pulls.
        var pull: Duration?
        /// The images that are remembered, as requests name them; the one that was started last comes first.
        var images: [String]
    }

    var overview: Overview {
        self.state.withLock { state in
            Overview(
                uses: state.uses, ready: Self.median(of: state.readies), pull: Self.median(of: state.pulls),
                images: state.images.sorted { $0.value.lastUse > $1.value.lastUse }.map(\.value.name))
        }
    }

    /// How many backends have become ready.
    var uses: UInt64 { self.state.withLock { $0.uses } }

    /// - Parameter start: How it will be started.
    /// - Returns: The median of the starts of that kind; of the other kinds where there was none; nil for an image that never became ready here.
    package func estimate(of image: String, by start: BackendStartKind) -> Duration? {
        self.state.withLock { state in
            guard let samples = state.images[ImageKey(image)]?.samples else { return nil }
            return Self.median(of: samples[start] ?? samples.values.flatMap(\.self))
        }
    }
}
