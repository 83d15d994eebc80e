package import PlaneProtocol

/// Names one container of the drone's engine. The table keeps it for a backend's container, and every call about the container uses it.
package struct ContainerHandle: Hashable, Sendable {
    /// The engine's own id, which does not change when a container is renamed. Nil if it is not known, because an older agent stored none, or the answer to
    /// the creation was lost. The container is then found by its labels.
    package var id: String?
    /// The name with which it was made. Anybody may rename a container, so it is never found by the name alone.
    package var name: String
    /// The labels with which it was made, which never change.
    package var labels: [String: String]

    package init(id: String?, name: String, labels: [String: String]) {
        self.id = id
        self.name = name
        self.labels = labels
    }

    /// The container of a backend of which nothing else is known.
    package init(of backend: BackendID) {
        self.init(
            id: nil, name: backend.resourceName, labels: [BackendID.managedLabel: "true", BackendID.backendLabel: backend.resourceName])
    }

    /// The purpose for which the agent made a container.
    package enum Role: Hashable, Sendable {
        /// The container is that of this backend.
        case backend(BackendID)
        /// The container was made on purpose and, by its labels, is no backend's; for example a sandbox. Whoever made it takes care of it.
        case other(String)
    }

    /// The role of containers that hold a network for a backend; see `Sandbox` of the agent.
    package static let sandboxRole = "sandbox"
    /// In the handle of a backend's container, the key for the id of the sandbox whose network it uses. It comes from the engine and is no label of the
    /// container, because images bring labels, too.
    package static let sandboxLabel = "dev.plane.sandbox"

    /// The id of the container whose network it uses; nil if it has its own.
    package var sandbox: String? {
        get { self.labels[Self.sandboxLabel] }
        set { self.labels[Self.sandboxLabel] = newValue }
    }

    /// On containers that ran before anybody had asked for a backend; see `ParkedPool` of the agent. One that a backend has got keeps its labels,
    /// which are fixed when a container is made, so it is found by its id alone.
    package static let parkedRole = "parked"

    /// Whether it ran before anybody had asked for its backend.
    package var isParked: Bool { self.role == .other(Self.parkedRole) }

    /// On containers that are not backends', which role they have. A container without this label is a backend's.
    package static let roleLabel = "dev.plane.role"
    private static let backendRole = "backend"

    package var role: Role {
        let role = self.labels[Self.roleLabel] ?? Self.backendRole
        guard role == Self.backendRole, let backend = self.labels[BackendID.backendLabel].flatMap({ BackendID(resourceName: $0) }) else {
            return .other(role)
        }
        return .backend(backend)
    }

    /// The backend to which the container belongs by its labels; nil for one with another role.
    package var backend: BackendID? {
        switch self.role {
        case .backend(let backend): backend
        case .other: nil
        }
    }
}
