package import DroneStore
package import PlaneProtocol

/// What a container engine reports: exits, output, use of resources. Apart from `Engine`, because no state of a backend depends on it: the reconciler finds
/// an exit that was not reported.
package protocol EngineFeeds: Sendable {
    /// Reports containers that end, from `since` on, until the connection breaks or the task is cancelled. May report one twice.
    func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(BackendEngineError)

    /// Reads the container's output from the first line after `since` on, at the pace of `body`. Returns when the container has ended and all was read. A
    /// container that does not exist has printed nothing.
    /// - Parameter onlyNew: true skips what was printed before, which costs the engine nothing.
    func readLog(
        of container: ContainerHandle, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(BackendEngineError)

    /// The last lines that the container printed, oldest first, without time stamps and line feeds; none when there is no such container.
    func lastLines(of container: ContainerHandle, count: Int) async throws(BackendEngineError) -> [String]

    /// The container's counters now; nil when it does not run or the engine does not know one of them.
    func usage(of container: ContainerHandle) async throws(BackendEngineError) -> UsageSample?
}

extension EngineFeeds {
    /// Reads the container's output as `readLog(of:after:onlyNew:_:)` does, including what was printed before.
    package func readLog(
        of container: ContainerHandle, after since: WireTime?, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(BackendEngineError) {
        try await self.readLog(of: container, after: since, onlyNew: false, body)
    }
}

/// What a watch for exits reports.
package enum ExitEvent: Hashable, Sendable {
    /// The watch has begun: events from now on will be reported.
    case listening
    /// The process of this container has ended, or the container was removed.
    case ended(ContainerHandle)

    /// The backend of the container that has ended, by its labels.
    package var backend: BackendID? {
        switch self {
        case .listening: nil
        case .ended(let container): container.backend
        }
    }
}

/// One piece of a container's output, normally one line with its line feed.
package struct LogChunk: Hashable, Sendable {
    package enum Stream: Hashable, Sendable { case stdout, stderr }

    package var stream: Stream
    /// When the engine received it; a later read can continue after it.
    package var time: WireTime?
    /// The text with the engine's time stamp in front, as messages carry it.
    package var text: String

    package init(stream: Stream, time: WireTime?, text: String) {
        self.stream = stream
        self.time = time
        self.text = text
    }
}

/// A container's counters at one moment. Counters only grow, and begin with 0 when the container starts.
package struct UsageSample: Hashable, Sendable {
    /// Memory in use, without the page cache.
    package var memoryUsedBytes: UInt64
    package var memoryLimitBytes: UInt64
    /// Processor time of the container since its start.
    package var cpuNanoseconds: UInt64
    /// Processor time of all CPUs of the machine since the machine's start, idle time included.
    package var systemCPUNanoseconds: UInt64

    package init(memoryUsedBytes: UInt64, memoryLimitBytes: UInt64, cpuNanoseconds: UInt64, systemCPUNanoseconds: UInt64) {
        self.memoryUsedBytes = memoryUsedBytes
        self.memoryLimitBytes = memoryLimitBytes
        self.cpuNanoseconds = cpuNanoseconds
        self.systemCPUNanoseconds = systemCPUNanoseconds
    }
}
