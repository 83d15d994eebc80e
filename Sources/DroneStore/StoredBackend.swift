package import PlaneProtocol

/// One backend as it is stored in the file.
package struct StoredBackend: Sendable {
    package var spec: SpawnRequest
    package var state: BackendState
    /// The container's exit code, once it has ended by itself.
    package var exitCode: Int64?
    /// Unix time in microseconds when the spawn request was accepted; nil for backends that 0.3.24 started.
    package var acceptedAt: Int64?
    /// Unix time in seconds at which its lifetime is over; nil without a limit.
    package var lifetimeEnd: Int64?
    /// When Docker received the last log line that was passed on; reading continues after it.
    package var logCursor: WireTime?
    /// Set when the backend is being ended; its process may still run.
    package var ending: BackendEndingRecord?
    /// The handle of its container, which may not exist. It has no id before the container was started, or if an older agent has started it.
    package var container: ContainerHandle

    package var id: BackendID { self.spec.backendID }
}

/// The backends of the file, and the rows that could not be read.
package struct StoredBackends: Sendable {
    /// A row with an unknown state or a spec that cannot be decoded. It is left as it is, because another version may understand it.
    package struct UnreadableRow: Sendable, CustomStringConvertible {
        package var name: String
        package var reason: String

        package var description: String { "\(self.name): \(self.reason)" }
    }

    package var backends: [StoredBackend] = []
    package var unreadable: [UnreadableRow] = []
}
