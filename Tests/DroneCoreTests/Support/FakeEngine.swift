import Foundation
import NetworkAddresses
import PlaneProtocol
import Synchronization

@testable import DroneCore

/// A container engine in memory, held to the same contract as Docker. Containers run until told otherwise.
final class FakeEngine: Engine, EngineFeeds {
    /// What an image does when it is run.
    enum Image: Hashable, Sendable {
        case serves
        /// Cannot be started.
        case broken
        /// Ends at once with this code.
        case exits(Int64)
    }

    enum Call: Hashable, Sendable {
        case pull, create, start, inspect, stop, remove, list, exits, logs, lastLines, usage
    }

    struct Container: Hashable {
        enum Process: Hashable { case created, running, exited(Int64) }
        var image: String
        var process = Process.created
        var drone: DroneID?
        var isForeign = false
        var output: [LogChunk] = []
    }

    struct State {
        var images: [String: Image] = [:]
        /// What pulling brings, by name.
        var registry: [String: Image] = [:]
        var containers: [BackendID: Container] = [:]
        var calls: [Call] = []
        /// Calls that fail, and how; `unavailable` ones may be lifted again.
        var failures: [Call: EngineFailure] = [:]
        /// Calls that wait until they are released.
        var held: Set<Call> = []
        var waiters: [Call: [CheckedContinuation<Void, Never>]] = [:]
        var lastSecond: Int64 = 1000
        var graces: [Duration] = []
    }

    let state = Mutex(State())
    private let exitEvents = AsyncStream<BackendID>.makeStream()

    init(images: [String: Image] = ["demo": .serves]) {
        self.state.withLock { $0.images = images }
    }

    // MARK: Steering

    var calls: [Call] { self.state.withLock { $0.calls } }
    /// Of every stop, in order.
    var graces: [Duration] { self.state.withLock { $0.graces } }
    var containers: [BackendID: Container] { self.state.withLock { $0.containers } }

    /// The next calls of this kind do not return until `release`.
    func hold(_ call: Call) { self.state.withLock { _ = $0.held.insert(call) } }

    func release(_ call: Call) {
        let waiters = self.state.withLock { state in
            state.held.remove(call)
            return state.waiters.removeValue(forKey: call) ?? []
        }
        for waiter in waiters { waiter.resume() }
    }

    func fail(_ call: Call, with failure: EngineFailure?) { self.state.withLock { $0.failures[call] = failure } }

    /// The container's process prints a line.
    func say(_ text: String, in backend: BackendID, _ stream: LogChunk.Stream = .stdout) {
        self.state.withLock { state in
            state.lastSecond += 1
            let time = WireTime(seconds: state.lastSecond)
            state.containers[backend]?.output.append(LogChunk(stream: stream, time: time, text: text))
        }
    }

    /// The container's process ends by itself; somebody is told if `tells`.
    func end(_ backend: BackendID, code: Int64, tells: Bool = true) {
        self.state.withLock { $0.containers[backend]?.process = .exited(code) }
        if tells { self.exitEvents.continuation.yield(backend) }
    }

    // MARK: Engine

    func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(EngineFailure) {
        progress(PullStep(layer: "1", .waiting))
        try await self.enter(.pull)
        try self.state.withLock { (state) throws(EngineFailure) in
            guard let found = state.registry[image] else { throw EngineFailure(.imageNotFound, "no \(image) in the registry") }
            state.images[image] = found
        }
    }

    func create(_ request: SpawnRequest) async throws(EngineFailure) {
        try await self.enter(.create)
        try self.state.withLock { (state) throws(EngineFailure) in
            let image = request.executable.image
            guard state.images[image] != nil else { throw EngineFailure(.imageMissing, "no image \(image)") }
            guard state.containers[request.backendID] == nil else { throw EngineFailure(.nameTaken, "the name is taken") }
            state.containers[request.backendID] = Container(image: image, drone: request.droneID)
        }
    }

    func start(_ backend: BackendID) async throws(EngineFailure) {
        try await self.enter(.start)
        try self.state.withLock { (state) throws(EngineFailure) in
            guard var container = state.containers[backend] else { throw EngineFailure(.refused, "no container \(backend)") }
            guard container.process != .running else { return }
            switch state.images[container.image] {
            case .serves: container.process = .running
            case .exits(let code): container.process = .exited(code)
            case .broken, nil: throw EngineFailure(.refused, "cannot run \(container.image)")
            }
            state.containers[backend] = container
        }
    }

    func inspect(_ backend: BackendID) async throws(EngineFailure) -> ContainerObservation {
        try await self.enter(.inspect)
        return self.state.withLock { state in
            guard let container = state.containers[backend] else { return .absent }
            guard !container.isForeign else { return .foreign }
            return switch container.process {
            case .created: .created
            case .running: .running(.v4(0x7F00_0001))
            case .exited(let code): .exited(code: code, outOfMemory: false)
            }
        }
    }

    func stop(_ backend: BackendID, grace: Duration) async throws(EngineFailure) {
        try await self.enter(.stop)
        self.state.withLock { state in
            state.graces.append(grace)
            if state.containers[backend]?.process == .running { state.containers[backend]?.process = .exited(143) }
        }
    }

    func remove(_ backend: BackendID) async throws(EngineFailure) {
        try await self.enter(.remove)
        self.state.withLock { _ = $0.containers.removeValue(forKey: backend) }
    }

    func container(of backend: BackendID) -> String? {
        self.state.withLock { $0.containers[backend] == nil ? nil : "container-of-\(backend)" }
    }

    /// Containers in memory have no names that could be changed.
    func remember(_ container: String, of backend: BackendID) {}

    func list() async throws(EngineFailure) -> [ContainerListing] {
        try await self.enter(.list)
        return self.state.withLock { state in
            state.containers.filter { !$0.value.isForeign }.map {
                ContainerListing(backend: $0.key, drone: $0.value.drone, isRunning: $0.value.process == .running)
            }
        }
    }

    // MARK: Feeds

    func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(EngineFailure) {
        try await self.enter(.exits)
        await body(.listening)
        for await backend in self.exitEvents.stream { await body(.ended(backend)) }
        if Task.isCancelled { throw EngineFailure(.unavailable, "listen to the events: cancelled") }  // as a real one says
    }

    func readLog(
        of backend: BackendID, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure) {
        try await self.enter(.logs)
        guard !onlyNew else { return }
        for chunk in self.containers[backend]?.output ?? [] {
            if let since, let time = chunk.time, time <= since { continue }
            await body(chunk)
        }
    }

    func lastLines(of backend: BackendID, count: Int) async throws(EngineFailure) -> [String] {
        try await self.enter(.lastLines)
        return (self.containers[backend]?.output ?? []).suffix(count).map { $0.text.hasSuffix("\n") ? String($0.text.dropLast()) : $0.text }
    }

    func usage(of backend: BackendID) async throws(EngineFailure) -> UsageSample? {
        try await self.enter(.usage)
        guard self.containers[backend]?.process == .running else { return nil }
        return UsageSample(memoryUsedBytes: 1, memoryLimitBytes: 2, cpuNanoseconds: 3, systemCPUNanoseconds: 4)
    }

    private func enter(_ call: Call) async throws(EngineFailure) {
        let isHeld = self.state.withLock { state in
            state.calls.append(call)
            return state.held.contains(call)
        }
        if isHeld {
            await withCheckedContinuation { waiter in
                let isReleased = self.state.withLock { state in
                    guard state.held.contains(call) else { return true }
                    state.waiters[call, default: []].append(waiter)
                    return false
                }
                if isReleased { waiter.resume() }
            }
        }
        if let failure = self.state.withLock({ $0.failures[call] }) { throw failure }
    }
}
