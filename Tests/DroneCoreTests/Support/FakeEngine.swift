import DroneStore
import Foundation
import NetworkAddresses
import PlaneProtocol
import Synchronization

@testable import DroneCore

/// A container engine in memory, held to the same contract as Docker. Containers run until told otherwise.
final class FakeEngine: Engine, EngineFeeds, EngineAccess {
    /// What an image does when it is run.
    enum Image: Hashable, Sendable {
        case serves
        /// Cannot be started.
        case broken
        /// Ends at once with this code.
        case exits(Int64)
    }

    enum Call: Hashable, Sendable {
        case pull, create, recover, start, inspect, stop, remove, list, freeze, thaw, exits, logs, lastLines, usage
    }

    struct Container: Hashable {
        enum Process: Hashable { case created, running, exited(Int64) }
        var image: String
        var process = Process.created
        var drone: DroneID?
        var isForeign = false
        var isFrozen = false
        var output: [LogChunk] = []
        /// Archives that were copied to it, by directory.
        var archives: [String: [UInt8]] = [:]
        /// The engine's own.
        let id = UUID().uuidString

        func handle(of backend: BackendID) -> ContainerHandle {
            var handle = ContainerHandle(of: backend)
            handle.id = self.id
            handle.labels[ContainerTemplate.droneLabel] = self.drone?.rawValue
            return handle
        }
    }

    struct State {
        var images: [String: Image] = [:]
        /// What pulling brings, by name.
        var registry: [String: Image] = [:]
        var containers: [BackendID: Container] = [:]
        /// Containers labelled as Plane's that are no backends'.
        var others: [ContainerListing] = []
        var calls: [Call] = []
        /// Calls that fail, and how; `unavailable` ones may be lifted again.
        var failures: [Call: BackendEngineError] = [:]
        /// Calls that wait until they are released.
        var held: Set<Call> = []
        var waiters: [Call: [CheckedContinuation<Void, Never>]] = [:]
        var lastSecond: Int64 = 1000
        /// Makes containers and does not say so.
        var losesAnswers = false
        /// How often it says of a container that runs that it has no address.
        var addresslessLooks = 0

        mutating func takeAddresslessLook() -> Bool {
            guard self.addresslessLooks > 0 else { return false }
            self.addresslessLooks -= 1
            return true
        }

        var graces: [Duration] = []

        /// Whose container is meant: by its id, or else by its labels.
        func backend(of container: ContainerHandle) -> BackendID? {
            self.containers.first { $0.value.id == container.id }?.key ?? container.backend
        }
    }

    let state = Mutex(State())
    private let exitEvents = AsyncStream<ContainerHandle>.makeStream()

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

    func fail(_ call: Call, with failure: BackendEngineError?) { self.state.withLock { $0.failures[call] = failure } }

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
        let container = self.state.withLock { state in
            state.containers[backend]?.process = .exited(code)
            return state.containers[backend]?.handle(of: backend)
        }
        if tells, let container { self.exitEvents.continuation.yield(container) }
    }

    // MARK: Engine

    func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(BackendEngineError) {
        progress(PullStep(layer: "1", .waiting))
        try await self.enter(.pull)
        try self.state.withLock { (state) throws(BackendEngineError) in
            guard let found = state.registry[image] else { throw BackendEngineError(.imageNotFound, "no \(image) in the registry") }
            state.images[image] = found
        }
    }

    @discardableResult
    func create(_ request: SpawnRequest, plainly: Bool) async throws(BackendEngineError) -> ContainerHandle {
        try await self.enter(.create)
        return try self.state.withLock { (state) throws(BackendEngineError) in
            let image = request.executable.image
            guard state.images[image] != nil else { throw BackendEngineError(.imageMissing, "no image \(image)") }
            guard state.containers[request.backendID] == nil else { throw BackendEngineError(.nameTaken, "the name is taken") }
            let container = Container(image: image, drone: request.droneID)
            state.containers[request.backendID] = container
            guard !state.losesAnswers else { throw BackendEngineError(.unavailable, "no answer") }
            return container.handle(of: request.backendID)
        }
    }

    func recover(_ container: ContainerHandle) async throws(BackendEngineError) -> ContainerHandle? {
        try await self.enter(.recover)
        return self.state.withLock { state in
            guard let backend = state.backend(of: container), let found = state.containers[backend], !found.isForeign else { return nil }
            return found.handle(of: backend)
        }
    }

    func start(_ handle: ContainerHandle) async throws(BackendEngineError) {
        try await self.enter(.start)
        try self.state.withLock { (state) throws(BackendEngineError) in
            guard let backend = state.backend(of: handle), var container = state.containers[backend] else {
                throw BackendEngineError(.refused, "no container \(handle.name)")
            }
            guard container.process != .running else { return }
            switch state.images[container.image] {
            case .serves: container.process = .running
            case .exits(let code): container.process = .exited(code)
            case .broken, nil: throw BackendEngineError(.refused, "cannot run \(container.image)")
            }
            state.containers[backend] = container
        }
    }

    func inspect(_ handle: ContainerHandle) async throws(BackendEngineError) -> ContainerObservation {
        try await self.enter(.inspect)
        return self.state.withLock { state in
            guard let backend = state.backend(of: handle), let container = state.containers[backend] else { return .absent }
            guard !container.isForeign else { return .foreign }
            return switch container.process {
            case .created: .created
            case .running: .running(state.takeAddresslessLook() ? nil : .v4(0x7F00_0001))
            case .exited(let code): .exited(code: code, outOfMemory: false)
            }
        }
    }

    func stop(_ container: ContainerHandle, grace: Duration) async throws(BackendEngineError) {
        try await self.enter(.stop)
        self.state.withLock { state in
            state.graces.append(grace)
            guard let backend = state.backend(of: container) else { return }
            if state.containers[backend]?.process == .running { state.containers[backend]?.process = .exited(143) }
        }
    }

    func freeze(_ container: ContainerHandle) async throws(BackendEngineError) {
        try await self.enter(.freeze)
        self.setFrozen(true, container)
    }

    func thaw(_ container: ContainerHandle) async throws(BackendEngineError) {
        try await self.enter(.thaw)
        self.setFrozen(false, container)
    }

    func pageOut(_ container: ContainerHandle) async {}

    private func setFrozen(_ isFrozen: Bool, _ container: ContainerHandle) {
        self.state.withLock { state in
            if let backend = state.backend(of: container) { state.containers[backend]?.isFrozen = isFrozen }
        }
    }

    func remove(_ container: ContainerHandle) async throws(BackendEngineError) {
        try await self.enter(.remove)
        self.state.withLock { state in
            state.others.removeAll { $0.container.id == container.id }
            if let backend = state.backend(of: container) { state.containers[backend] = nil }
        }
    }

    func list() async throws(BackendEngineError) -> [ContainerListing] {
        try await self.enter(.list)
        return self.state.withLock { state in
            state.others
                + state.containers.filter { !$0.value.isForeign }.map {
                    ContainerListing($0.value.handle(of: $0.key), isRunning: $0.value.process == .running)
                }
        }
    }

    // MARK: Feeds

    func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(BackendEngineError) {
        try await self.enter(.exits)
        await body(.listening)
        for await container in self.exitEvents.stream { await body(.ended(container)) }
        if Task.isCancelled { throw BackendEngineError(.unavailable, "listen to the events: cancelled") }  // as a real one says
    }

    func readLog(
        of container: ContainerHandle, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(BackendEngineError) {
        try await self.enter(.logs)
        guard !onlyNew else { return }
        for chunk in self.container(container)?.output ?? [] {
            if let since, let time = chunk.time, time <= since { continue }
            await body(chunk)
        }
    }

    func lastLines(of container: ContainerHandle, count: Int) async throws(BackendEngineError) -> [String] {
        try await self.enter(.lastLines)
        return (self.container(container)?.output ?? []).suffix(count).map { $0.text.hasSuffix("\n") ? String($0.text.dropLast()) : $0.text }
    }

    func usage(of container: ContainerHandle) async throws(BackendEngineError) -> UsageSample? {
        try await self.enter(.usage)
        guard self.container(container)?.process == .running else { return nil }
        return UsageSample(memoryUsedBytes: 1, memoryLimitBytes: 2, cpuNanoseconds: 3, systemCPUNanoseconds: 4)
    }

    // MARK: Access

    /// Knows `busybox cat` and `sh -c "exit N"`, and gives back what was copied to a directory.
    func run(_ work: ExecRequest.Work, in handle: ContainerHandle, _ port: ExecPort) async throws(BackendEngineError) -> Int64 {
        guard let backend = self.state.withLock({ $0.backend(of: handle) }), self.container(handle)?.process == .running else {
            throw BackendEngineError(.refused, "no container \(handle.name) that runs")
        }
        switch work {
        case .run(let program) where program.command == ["busybox", "cat"]:
            port.began()
            while case .bytes(let bytes)? = await port.nextInput() { await port.wrote(.stdout, bytes) }
            return 0
        case .run(let program):
            port.began()
            if program.command.count == 3, let code = program.command[2].split(separator: " ").last.flatMap({ Int64($0) }) { return code }
            await port.wrote(.stderr, Array("no such program".utf8))
            return 127
        case .copyFrom(let path):
            guard let archive = self.container(handle)?.archives[path] else { throw BackendEngineError(.refused, "no \(path) in the container") }
            port.began()
            await port.wrote(.stdout, archive)
            return 0
        case .copyTo(let path):
            port.began()
            var archive: [UInt8] = []
            while case .bytes(let bytes)? = await port.nextInput() { archive += bytes }
            self.state.withLock { [archive] in $0.containers[backend]?.archives[path] = archive }
            return 0
        }
    }

    private func container(_ handle: ContainerHandle) -> Container? {
        self.state.withLock { state in state.backend(of: handle).flatMap { state.containers[$0] } }
    }

    private func enter(_ call: Call) async throws(BackendEngineError) {
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
