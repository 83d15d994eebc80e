package import PlaneProtocol

/// Names one container of the drone's engine: what the table keeps of a backend's container, and what every call about it is made with.
package struct ContainerHandle: Hashable, Sendable {
    /// The engine's own id, which no renaming changes. Nil where it is not known: the row was written by an agent that kept none, or the answer
    /// to the container's creation was lost. The container is then found by its labels.
    package var id: String?
    /// The name it was given when it was made. Anybody may rename a container, so it is never found by its name alone.
    package var name: String
    /// The labels it was made with. They stay as they are for the container's life.
    package var labels: [String: String]

    package init(id: String?, name: String, labels: [String: String]) {
        self.id = id
        self.name = name
        self.labels = labels
    }

    /// The container of a backend of which no more is known than that.
    package init(of backend: BackendID) {
        self.init(
            id: nil, name: backend.resourceName, labels: [BackendID.managedLabel: "true", BackendID.backendLabel: backend.resourceName])
    }

    /// What the agent made a container for.
    package enum Role: Hashable, Sendable {
        /// It is the container of this backend.
        case backend(BackendID)
        /// It is there on purpose and is no backend's, at least not by its labels: a spare, a sandbox. Whoever made it looks after it.
        case other(String)
    }

    /// On containers that hold a network for a backend; see `Sandbox` of the agent.
    package static let sandboxRole = "sandbox"
    /// In the handle of a backend's container, the id of the sandbox whose network it has. The engine's word, and no label of the container's
    /// own: an image brings labels too.
    package static let sandboxLabel = "dev.plane.sandbox"

    /// The id of the container that holds its network; nil where it has a network of its own.
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

    /// The backend whose container it is by its labels; nil for one with another role.
    package var backend: BackendID? {
        switch self.role {
        case .backend(let backend): backend
        case .other: nil
        }
    }
}
