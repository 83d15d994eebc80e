package import DroneStore
package import PlaneProtocol

/// What a container engine reports: exits, output, use of resources. Apart from `Engine`, because no state of a backend depends on any of it:
/// an exit that is not reported is found by the reconciler.
package protocol EngineFeeds: Sendable {
    /// Tells of containers that end, from `since` on, until the connection breaks or the task is cancelled. May tell of one twice.
    func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(EngineFailure)

    /// Tells what the container prints, from the first line after `since` on, at the pace of `body`; returns when the container has
    /// ended and all is told. A container that does not exist has printed nothing.
    /// - Parameter onlyNew: What it has printed so far is passed over, which costs the engine nothing.
    func readLog(
        of container: ContainerHandle, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure)

    /// What the container printed last, oldest first, without time stamps and line feeds; nothing when there is no such container.
    func lastLines(of container: ContainerHandle, count: Int) async throws(EngineFailure) -> [String]

    /// The container's counters now; nil when it does not run or the engine does not know one of them.
    func usage(of container: ContainerHandle) async throws(EngineFailure) -> UsageSample?
}

extension EngineFeeds {
    /// The same, with all that was printed so far.
    package func readLog(
        of container: ContainerHandle, after since: WireTime?, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure) {
        try await self.readLog(of: container, after: since, onlyNew: false, body)
    }
}

/// What a watch for exits tells.
package enum ExitEvent: Hashable, Sendable {
    /// The watch has begun: what happens from now on will be told.
    case listening
    /// The process of this container has ended, or the container was removed.
    case ended(ContainerHandle)

    /// Whose container has ended, by its labels.
    package var backend: BackendID? {
        switch self {
        case .listening: nil
        case .ended(let container): container.backend
        }
    }
}

/// One piece of what a container printed, normally one line with its line feed.
package struct LogChunk: Hashable, Sendable {
    package enum Stream: Hashable, Sendable { case stdout, stderr }

    package var stream: Stream
    /// When the engine received it; reading continues after it.
    package var time: WireTime?
    /// As messages carry it, with the engine's time stamp in front.
    package var text: String

    package init(stream: Stream, time: WireTime?, text: String) {
        self.stream = stream
        self.time = time
        self.text = text
    }
}

/// A container's counters at one moment. Counters only grow, and start again at nothing with the container.
package struct UsageSample: Hashable, Sendable {
    /// Usage minus page cache.
    package var memoryUsedBytes: UInt64
    package var memoryLimitBytes: UInt64
    /// Since the container's start.
    package var cpuNanoseconds: UInt64
    /// Of all CPUs of the machine, since its start.
    package var systemCPUNanoseconds: UInt64

    package init(memoryUsedBytes: UInt64, memoryLimitBytes: UInt64, cpuNanoseconds: UInt64, systemCPUNanoseconds: UInt64) {
        self.memoryUsedBytes = memoryUsedBytes
        self.memoryLimitBytes = memoryLimitBytes
        self.cpuNanoseconds = cpuNanoseconds
        self.systemCPUNanoseconds = systemCPUNanoseconds
    }
}
