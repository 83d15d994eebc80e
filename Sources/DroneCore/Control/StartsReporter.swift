import DockerEngine
import Logging
import LogKeys
import PlaneProtocol
import Synchronization
import Timing

/// Tells the schedulers how soon a backend would be ready here, with the drone's status: which images are there, of which of them containers wait, how long
/// starts and pulls mostly take. Says it when something of that may have changed, and again from time to time.
package final class StartsReporter: Sendable {
    private struct Said {
        var at: Duration
        var uses: UInt64
        var waiting: [String: UInt32]
        var listing: UInt64
    }

    private struct State {
        /// The images on this machine; nil before the engine has listed them.
        var images: [DroneStarts.Image]?
        /// Every name and digest of `images`; nil while the list is not complete.
        var keys: Set<ImageKey>?
        /// The number of times the list of images has changed.
        var listing: UInt64 = 0
        var said: Said?
    }

    /// The period of asking the engine for its images, which others may have pulled or removed. It needs some milliseconds for the answer.
    private static let period = Duration.seconds(60)
    /// Images of which the names are kept. The message has room for fewer; those that were used here are chosen.
    private static let listLimit = 1024
    /// Whoever asks which images are missing waits for ten seconds in all, for the engine's sign of life too.
    private static let listTimeLimit: Duration = .seconds(3)

    private let estimates: StartEstimates
    private let parked: ParkedPool?
    private let sandboxes: SandboxPool?
    private let listsImages: (@Sendable () async throws(BackendEngineError) -> [DroneStarts.Image])?
    private let processors: UInt32
    private let time: AgentTime
    private let logger: Logger
    private let state = Mutex(State())
    /// Yields when an image was pulled.
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init(
        _ estimates: StartEstimates, parked: ParkedPool? = nil, sandboxes: SandboxPool? = nil,
        listsImages: (@Sendable () async throws(BackendEngineError) -> [DroneStarts.Image])?,
        processors: UInt32? = HostSample.read().map { UInt32(clamping: $0.cpus.count) }, time: AgentTime = AgentTime(), logger: Logger
    ) {
        self.estimates = estimates
        self.parked = parked
        self.sandboxes = sandboxes
        self.listsImages = listsImages
        self.processors = max(1, processors ?? 1)
        self.time = time
        self.logger = logger
        (self.bell, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Keeps the list of images up to date, until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                repeat { self.ring.yield() } while (try? await self.time.sleep(Self.period)) != nil
                self.ring.finish()
            }
            for await _ in self.bell { await self.list() }
        }
    }

    /// An image was pulled.
    func imagesChanged() { self.ring.yield() }

    private func list() async {
        guard let listsImages = self.listsImages else { return }
        do throws(BackendEngineError) {
            let all = try await listsImages()
            let images = Array(all.prefix(Self.listLimit))
            let keys = all.count > Self.listLimit ? nil : Set(images.flatMap { Self.keys(of: $0) })
            self.state.withLock { state in
                guard state.images != images else { return }
                state.images = images
                state.keys = keys
                state.listing += 1
            }
        } catch {
            // What is known stays; schedulers that take it for true find out when the backend has to pull its image.
            if !Task.isCancelled { self.logger.debug("images could not be listed", metadata: [LogKey.error: "\(error)"]) }
        }
    }

    private static func keys(of image: DroneStarts.Image) -> [ImageKey] {
        [ImageKey(image.name)] + (image.digest.map { [ImageKey("\(image.name)@\($0)")] } ?? [])
    }

    /// Those of the images that are not on this machine, as the engine says now; nil if that is not known.
    func missing(among names: [String]) async -> [String]? {
        // If the engine does not answer in time, its last list counts.
        _ = await withTimeLimit(Self.listTimeLimit, sleep: self.time.sleep) { await self.list() }
        guard let keys = self.state.withLock({ $0.keys }) else { return nil }
        return names.filter { !keys.contains(ImageKey($0)) }
    }

    /// How long a backend would take that is asked for now, with the pull of its image if that is missing; nil where too little is known.
    func estimate(of image: String, by start: BackendStartKind) -> Duration? {
        let known = self.estimates.estimate(of: image, by: start)
        let isMissing = self.state.withLock { state in state.keys.map { !$0.contains(ImageKey(image)) } ?? false }
        guard isMissing, ImageReference(image)?.isImageID == false else { return known }
        let overview = self.estimates.overview
        guard let pull = overview.pull, let ready = known ?? overview.ready else { return nil }
        return pull + ready
    }

    /// What the next status message has to say of starts; nil if nothing has changed since the last one, or nothing is known.
    func news() -> DroneStarts? {
        let (now, waiting, uses) = (self.time.uptime(), self.parked?.waiting ?? [:], self.estimates.uses)
        let images = self.state.withLock { state -> [DroneStarts.Image]? in
            if let said = state.said, said.uses == uses, said.waiting == waiting, said.listing == state.listing, now - said.at < DroneStarts.repetition {
                return nil
            }
            guard let images = state.images else { return nil }
            state.said = Said(at: now, uses: uses, waiting: waiting, listing: state.listing)
            return images
        }
        return images.map { self.statement(of: $0, waiting: waiting) }
    }

    /// Called when the message with the last ``news()`` could not be sent, so that the next one repeats it.
    func notSent() { self.state.withLock { $0.said = nil } }

    /// Images whose containers wait come first, then those whose backends were started last, then the newest.
    private func statement(of images: [DroneStarts.Image], waiting: [String: UInt32]) -> DroneStarts {
        let overview = self.estimates.overview
        let kind: BackendStartKind = self.sandboxes.map { $0.free.isEmpty ? .cold : .sandbox } ?? .cold
        let waitingByKey = Dictionary(waiting.map { (ImageKey($0.key), $0.value) }, uniquingKeysWith: max)
        var used: [ImageKey: (rank: Int, name: String)] = [:]
        for (rank, name) in overview.images.enumerated() where used[ImageKey(name)] == nil { used[ImageKey(name)] = (rank, name) }

        var ranked: [(rank: Int, image: DroneStarts.Image)] = []
        for (position, found) in images.enumerated() {
            let keys = Self.keys(of: found)
            var image = found
            image.parked = keys.compactMap { waitingByKey[$0] }.max() ?? 0
            let use = keys.compactMap { used[$0] }.min { $0.rank < $1.rank }
            if let use {
                image.readyMilliseconds = self.estimates.estimate(of: use.name, by: kind)?.startMilliseconds
                if image.parked > 0 { image.parkedReadyMilliseconds = self.estimates.estimate(of: use.name, by: .parked)?.startMilliseconds }
            }
            let rank = image.parked > 0 ? -1 : use?.rank ?? overview.images.count + position
            ranked.append((rank, image))
        }
        // Sorting keeps the order of those with one rank.
        let order = ranked.indices.sorted { (ranked[$0].rank, $0) < (ranked[$1].rank, $1) }
        return DroneStarts(
            images: order.map { ranked[$0].image }, readyMilliseconds: overview.ready?.startMilliseconds,
            pullMilliseconds: overview.pull?.startMilliseconds, processors: self.processors
        ).withinLimits
    }
}

extension Duration {
    /// Whole milliseconds as in a status message; at least 1.
    var startMilliseconds: UInt32 { UInt32(clamping: Int64(max(1, (self / .milliseconds(1)).rounded()))) }
}
