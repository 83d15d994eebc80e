package import PlaneProtocol

/// One backend as the file has it.
package struct StoredBackend: Sendable {
    package var spec: SpawnRequest
    package var state: BackendState
    /// The container's, once it has ended by itself.
    package var exitCode: Int64?
    /// Unix time in microseconds of the moment the spawn request was accepted; absent for backends the reference started.
    package var acceptedAt: Int64?
    /// Unix time in seconds at which its lifetime is over; nil without a limit.
    package var lifetimeEnd: Int64?
    /// When Docker received the last log line passed on; reading continues after it.
    package var logCursor: WireTime?
    /// It is being ended; its process may still run.
    package var ending: BackendEndingRecord?
    /// Its container, whether there is one or not. Without an id before it was started, and for backends of older agents.
    package var container: ContainerHandle

    package var id: BackendID { self.spec.backendID }
}

/// The backends of the file, and the rows that could not be read.
package struct StoredBackends: Sendable {
    /// A row with an unknown state or an undecodable spec. It is left as it is: another version may understand it.
    package struct UnreadableRow: Sendable, CustomStringConvertible {
        package var name: String
        package var reason: String

        package var description: String { "\(self.name): \(self.reason)" }
    }

    package var backends: [StoredBackend] = []
    package var unreadable: [UnreadableRow] = []
}
