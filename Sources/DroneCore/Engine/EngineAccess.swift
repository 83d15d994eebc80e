package import DroneStore
package import PlaneProtocol

/// What an operator may do inside a backend's container. Apart from `Engine`: no state of a backend depends on it, and a drone may refuse it.
package protocol EngineAccess: Sendable {
    /// Runs a program in the container, or copies files, with input and output at `port`. Returns when that is over. If the task is cancelled, the connection
    /// to the engine is closed; a program that does not end then ends with its container.
    ///
    /// - Returns: The program's exit code; 0 for a copy.
    func run(_ work: ExecRequest.Work, in container: ContainerHandle, _ port: ExecPort) async throws(BackendEngineError) -> Int64
}

/// Input and output of a program or copy. The engine calls these, from one task for each direction.
package struct ExecPort: Sendable {
    package enum Input: Hashable, Sendable {
        case bytes([UInt8])
        case resized(TerminalSize)
        /// The input has ended; only changes of the terminal's size may follow.
        case end
    }

    /// Called once, before all others, when the program or copy has begun.
    package var began: @Sendable () -> Void
    /// Takes output, and returns when there is room for more.
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
