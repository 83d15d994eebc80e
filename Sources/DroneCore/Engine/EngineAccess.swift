package import DroneStore
package import PlaneProtocol

/// What an operator may do inside a backend's container. Apart from `Engine`: no state of a backend depends on it, and a drone may refuse it.
package protocol EngineAccess: Sendable {
    /// Runs a program in the container, or copies files, with its ends at `port`. Returns when that is over, and ends it as far as the engine can
    /// when the task is cancelled: its connection is closed, and a program that goes on nevertheless ends with its container.
    ///
    /// - Returns: The program's exit code; 0 for a copy.
    func run(_ work: ExecRequest.Work, in container: ContainerHandle, _ port: ExecPort) async throws(EngineFailure) -> Int64
}

/// Where the ends of a piece of work are: whoever does it calls these, from one task for each direction.
package struct ExecPort: Sendable {
    package enum Input: Hashable, Sendable {
        case bytes([UInt8])
        case resized(TerminalSize)
        /// Nothing comes any more but other sizes.
        case end
    }

    /// It has begun; called once, before all others.
    package var began: @Sendable () -> Void
    /// Returns when there is room for more.
    package var wrote: @Sendable (ExecOutput.Stream, [UInt8]) async -> Void
    /// Waits for the next input; nil when the task is cancelled.
    package var nextInput: @Sendable () async -> Input?

    package init(
        began: @escaping @Sendable () -> Void, wrote: @escaping @Sendable (ExecOutput.Stream, [UInt8]) async -> Void,
        nextInput: @escaping @Sendable () async -> Input?
    ) {
        self.began = began
        self.wrote = wrote
        self.nextInput = nextInput
    }
}
