package import DockerEngine
import DroneStore
package import Logging
import LogKeys
import Metrics
import PlaneProtocol
import PlaneService
import Synchronization
import Timing

/// Keeps containers of the images of `agent.parked` running, and of those that were asked for lately (`agent.parked_learned`). They wait to become backends:
/// one that is asked for later has nothing to wait for but its own program.
///
/// What is to be done is decided by `ParkedPoolMachine`; one task, `run`, does it, one thing after the other, so that the pool never takes more than
/// one start's worth of Docker. Claims return at once, from any task.
package final class ParkedPool: Sendable {
    /// How a backend is told what it is, until it has been.
    struct Claim {
        var document: [UInt8]
        var backend: BackendID
    }

    private struct State {
        var machine: ParkedPoolMachine
        /// By the container's id. Holds secrets.
        var claims: [String: Claim] = [:]
        /// Why a kind has none, as it was told last.
        var told: [ContainerSpec: String] = [:]
        /// Learned kinds that could not be parked; at most `unparkableLimit`.
        var unparkable: [ContainerSpec: ParkedKind] = [:]
        /// When the requests in the table were last counted, by `AgentTime.uptime`.
        var learned: Duration?
    }

    /// Returns the kinds that recent requests make worth parking, without those in `except`.
    package typealias Learner = @Sendable (_ except: Set<ContainerSpec>) async throws -> [ParkedKind]

    /// The most kinds in `unparkable`: more than a drone has images.
    private static let unparkableLimit = 256
    /// Between two looks at the machine's memory and at what is due by then.
    private static let tick = Duration.seconds(5)
    /// Between two looks whether the runtime is known.
    private static let runtimePause = Duration.milliseconds(200)
    /// The pause between two counts of the requests, each of which reads some thousand rows.
    static let learningPause = Duration.seconds(300)

    private let maker: any ParkedMaker
    private let sandboxes: SandboxPool?
    private let time: AgentTime
    private let logger: Logger
    private let state: Mutex<State>
    private let learns: Learner?
    /// Yields when there may be something to do.
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation
    private let freeMeter = Meter(label: "plane_drone_parked_containers")

    /// - Parameters:
    ///   - kinds: Of the configuration.
    ///   - learns: Nil where no others are to be learned.
    ///   - sandboxes: Knows by which runtime containers start fastest; nil where the configured one is used.
    package init(
        _ kinds: [ParkedKind], learns: Learner? = nil, maker: any ParkedMaker, sandboxes: SandboxPool? = nil,
        time: AgentTime = AgentTime(), logger: Logger
    ) {
        self.maker = maker
        self.sandboxes = sandboxes
        self.time = time
        self.logger = logger
        self.learns = learns
        self.state = Mutex(State(machine: ParkedPoolMachine(kinds)))
        (self.bell, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - For starts

    /// Whether a container like this one is among those that are kept ready.
    func covers(_ specification: ContainerSpec) -> Bool { self.state.withLock { $0.machine.kind(for: specification) != nil } }

    /// Whether one waits that can stand for this one.
    func hasFree(for specification: ContainerSpec) -> Bool {
        self.state.withLock { state in state.machine.kind(for: specification).map { state.machine.hasFree($0) } ?? false }
    }

    /// A container that runs, for a backend that would get one like this. Counted as hit or miss.
    ///
    /// - Parameter image: What its image is at this moment.
    /// - Returns: Nil when none waits, or it cannot be told what it is to run.
    func claim(for backend: BackendID, _ specification: ContainerSpec, image: ImageInspection) -> ContainerHandle? {
        let document = EntryDocument(
            arguments: image.entrypoint + (specification.command ?? image.command),
            environment: EntryDocument.environment(specification.environment, image: image.environment)
        ).bytes
        let container = self.change { state -> ParkedContainer? in
            guard let document, let kind = state.machine.kind(for: specification), let container = state.machine.claim(kind, image: image) else { return nil }
            state.claims[container.id] = Claim(document: document, backend: backend)
            return container
        }
        Counter(label: "plane_drone_parked_claims_total", dimensions: [("result", container == nil ? "miss" : "hit")]).increment()
        return container?.handle
    }

    /// What the container is to be told; nil for one that nobody has claimed, or that has been told.
    func claim(of container: String) -> Claim? { self.state.withLock { $0.claims[container] } }

    /// It has been told.
    func started(_ container: String) {
        self.change { state in
            guard let claim = state.claims.removeValue(forKey: container) else { return }
            state.machine.started(container, as: claim.backend.resourceName)
        }
    }

    /// It is not used after all, and whoever has it removes it.
    func forget(_ container: String) { self.state.withLock { _ = $0.claims.removeValue(forKey: container) } }

    /// A backend's container is being made, in whichever way: nothing is made beside it.
    func startBegan(of backend: BackendID) { self.change { $0.machine.startBegan(of: backend, now: self.time.uptime()) } }

    func startEnded(of backend: BackendID) { self.change { $0.machine.startEnded(of: backend, now: self.time.uptime()) } }

    // MARK: - For who looks after containers

    /// What the engine may list, and is not to be taken for left behind: ids, and the name of the one that is being made.
    package var known: Set<String> { self.state.withLock { $0.machine.known } }

    /// Those that wait, by the engine's id.
    package var free: Set<String> { self.state.withLock { Set($0.machine.free) } }

    /// These have ended, if they waited.
    package func ended(_ ids: Set<String>) {
        let lost = self.change { $0.machine.ended(ids, now: self.time.uptime()) }
        if lost > 0 { self.logger.notice("parked containers have ended and are made anew", metadata: [LogKey.count: "\(lost)"]) }
    }

    /// How many wait, by image as the configuration names it.
    var waiting: [String: UInt32] { self.state.withLock { $0.machine.waiting } }

    package func set(draining: Bool) { self.change { $0.machine.isDraining = draining } }

    // MARK: - Keeping it full

    /// Takes over what an agent before this one has left, and keeps the pool full, until cancelled. The containers stay.
    ///
    /// - Parameters:
    ///   - room: How many backends more the drone may run; nil for any number.
    ///   - adoptable: Containers of this drone that are parked and nobody's.
    package func run(room: @escaping @Sendable () -> Int?, adoptable: @Sendable () async throws -> [ContainerListing]) async {
        while let sandboxes = self.sandboxes, !sandboxes.hasProbed {
            guard (try? await self.time.sleep(Self.runtimePause)) != nil else { return }
        }
        self.change { $0.machine.room = room() }
        await self.learn()
        for kind in self.state.withLock({ $0.machine.kinds }) { await self.inspectImage(kind) }
        await self.adopt(adoptable)
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await self.time.sleep(Self.tick)) != nil {
                    let wasPressed = self.state.withLock { $0.machine.isPressed }
                    let isPressed = await self.maker.isPressed(already: wasPressed)
                    if isPressed, !wasPressed {
                        self.logger.notice("parked containers are given up one after the other, for memory or disk run short")
                    } else if wasPressed, !isPressed {
                        self.logger.notice("containers are parked again, for memory and disk suffice")
                    }
                    self.change { state in
                        state.machine.isPressed = isPressed
                        state.machine.room = room()
                    }
                }
            }
            for await _ in self.bell {
                await self.learn()
                while let step = self.next() {
                    guard !Task.isCancelled else { break }
                    await self.carryOut(step)
                }
            }
            group.cancelAll()
        }
    }

    /// Learns the kinds anew if `learningPause` has passed. Called between two steps of the machine.
    private func learn() async {
        guard let learns = self.learns else { return }
        let now = self.time.uptime()
        let isTime = self.state.withLock { state in
            if let last = state.learned, now - last < Self.learningPause { return false }
            state.learned = now
            return true
        }
        guard isTime else { return }
        await self.lookAgainAtUnparkable()
        let except = self.state.withLock { Set($0.unparkable.keys) }
        do {
            let kinds = try await learns(except)
            let isNews = self.change { state in
                let isNews = state.machine.learn(kinds)
                let present = Set(state.machine.kinds.map { state.machine.kind($0).specification })
                state.told = state.told.filter { present.contains($0.key) }
                return isNews
            }
            guard isNews else { return }
            let names = kinds.map { "\($0.count) of \($0.image)" }.joined(separator: ", ")
            self.logger.info(
                "images to park were learned from the last day's requests",
                metadata: [LogKey.image: "\(names)", LogKey.count: "\(kinds.reduce(0) { $0 + $1.count })"])
        } catch {
            if !Task.isCancelled { self.logger.warning("it could not be read which images were asked for", metadata: [LogKey.error: "\(error)"]) }
        }
    }

    /// An image that could not be parked may have been repaired under its name meanwhile.
    private func lookAgainAtUnparkable() async {
        for (specification, kind) in self.state.withLock({ $0.unparkable }) {
            guard !Task.isCancelled, (try? await self.maker.inspectImage(of: kind)) != nil else { continue }
            self.state.withLock { _ = $0.unparkable.removeValue(forKey: specification) }
        }
    }

    private var runtime: String? { self.sandboxes?.runtime }

    private func next() -> ParkedPoolMachine.Step? {
        self.state.withLock { $0.machine.next(now: self.time.uptime(), name: ParkedContainer.randomName()) }
    }

    private func carryOut(_ step: ParkedPoolMachine.Step) async {
        switch step {
        case .wait(let pause): try? await self.time.sleep(pause)
        case .inspectImage(let kind): await self.inspectImage(kind)
        case .make(let kind, let name): await self.make(kind, name)
        case .remove(let id):
            await self.attempt("a parked container could not be removed") { () async throws(BackendEngineError) in try await self.maker.remove(id) }
        case .rename(let id, let name):
            await self.attempt("a parked container could not be renamed") { () async throws(BackendEngineError) in
                try await self.maker.rename(id, to: name)
            }
        }
    }

    /// What fails does no harm: what is left is found by the reconciler.
    private func attempt(_ failure: Logger.Message, _ body: () async throws(BackendEngineError) -> Void) async {
        do throws(BackendEngineError) {
            try await body()
        } catch {
            if !Task.isCancelled { self.logger.debug(failure, metadata: [LogKey.error: "\(error)"]) }
        }
    }

    private func inspectImage(_ index: Int) async {
        let kind = self.state.withLock { $0.machine.kind(index) }
        do throws(BackendEngineError) {
            let image = try await self.maker.inspectImage(of: kind)
            self.change { $0.machine.imageInspected(index, image) }
            self.tell(nil, of: index)
        } catch {
            guard !Task.isCancelled, error.code != .unavailable else { return }
            self.change { state in
                state.machine.inspectionFailed(index)
                if error.code == .refused, state.unparkable.count < Self.unparkableLimit { state.unparkable[kind.specification] = kind }
            }
            self.tell("\(error)", of: index)
        }
    }

    /// Says why there are no containers of a kind, or that there are; each once.
    private func tell(_ obstacle: String?, of index: Int) {
        let (news, kind) = self.state.withLock { state in
            let kind = state.machine.kind(index)
            defer { state.told[kind.specification] = obstacle ?? "" }
            return (state.told[kind.specification] != obstacle ?? "", kind)
        }
        guard news else { return }
        var metadata: Logger.Metadata = [LogKey.image: "\(kind.image)", LogKey.count: "\(kind.count)"]
        guard let obstacle else { return self.logger.info("containers are parked", metadata: metadata) }
        metadata[LogKey.reason] = "\(obstacle)"
        self.logger.notice("containers are not parked", metadata: metadata)
    }

    private func make(_ index: Int, _ name: String) async {
        let (kind, image) = self.state.withLock { ($0.machine.kind(index), $0.machine.image(index)) }
        do throws(BackendEngineError) {
            guard let image else { throw BackendEngineError(.imageMissing, "the image has gone") }
            let container = try await self.maker.make(name, kind, of: image, runtime: self.runtime)
            self.change { $0.machine.made(container, now: self.time.uptime()) }
        } catch {
            self.change { $0.machine.makingFailed(now: self.time.uptime()) }
            if !Task.isCancelled {
                self.logger.warning("a container could not be parked", metadata: [LogKey.image: "\(kind.image)", LogKey.error: "\(error)"])
            }
        }
    }

    private func adopt(_ adoptable: () async throws -> [ContainerListing]) async {
        do {
            let left = try await adoptable().filter { $0.isRunning && ParkedContainer.isUnclaimed($0.container.name) }
            for index in self.state.withLock({ $0.machine.kinds }) {
                let kind = self.state.withLock { $0.machine.kind(index) }
                let label = try await self.maker.makeLabel(of: kind, runtime: self.runtime)
                for container in left.map(\.container) where container.labels[ParkedContainer.makeLabel] == label {
                    guard let id = container.id, let image = container.labels[ParkedContainer.imageLabel] else { continue }
                    let parked = ParkedContainer(id: id, name: container.name, labels: container.labels, imageID: image)
                    self.change { $0.machine.adopt(parked, of: index, now: self.time.uptime()) }
                }
            }
        } catch {
            // They are taken for left behind and removed after a while.
            if !Task.isCancelled { self.logger.warning("parked containers could not be taken over", metadata: [LogKey.error: "\(error)"]) }
        }
    }

    @discardableResult
    private func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        let (result, count) = self.state.withLock { state in
            let result = body(&state)
            return (result, state.machine.free.count)
        }
        self.freeMeter.set(count)
        self.ring.yield()
        return result
    }
}
