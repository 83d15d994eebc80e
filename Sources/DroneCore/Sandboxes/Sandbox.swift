import DroneStore
import PlaneProtocol

/// A container that does nothing but hold a network, so that a backend's container finds it ready.
///
/// Setting up a network is half of the time that Docker takes for a start (up to Docker 27: a hook that executes dockerd twice). A sandbox joins the network
/// of the backends ahead of time; the backend's container is then made with `NetworkMode: container:<sandbox>`. The container has its own address, and is
/// isolated like any other, since bridge and firewall treat it the same. A sandbox is used once, and is removed with its backend.
package struct Sandbox: Hashable, Sendable {
    /// The engine's id.
    package var id: String
    package var name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    /// The beginning of a sandbox's name. No backend's container has such a name.
    private static let namePrefix = "plane.sandbox-"

    static func randomName() -> String {
        self.namePrefix + String(UInt64.random(in: .min ... .max), radix: 16)
    }

    /// The image and network with which a sandbox was made. A sandbox made with another configuration is not used.
    static let makeLabel = "dev.plane.sandbox.make"

    static func labels(drone: DroneID, make: String) -> [String: String] {
        [
            BackendID.managedLabel: "true", ContainerHandle.roleLabel: ContainerHandle.sandboxRole,
            ContainerTemplate.droneLabel: drone.rawValue, Self.makeLabel: make,
        ]
    }
}

/// A way to make containers of backends that starts them faster, and that a probe has found to work.
package struct Shortcut: Hashable, Sendable {
    /// The OCI runtime to use; nil for the engine's own.
    package var runtime: String?
    /// The sandbox with the network; nil when none was left.
    package var sandbox: Sandbox?

    package init(runtime: String?, sandbox: Sandbox? = nil) {
        self.runtime = runtime
        self.sandbox = sandbox
    }
}

/// What the pool needs of a container engine. The real one is Docker (`DockerSandboxMaker`).
package protocol SandboxMaker: Sendable {
    /// Tries everything once with containers of its own, and removes these.
    ///
    /// Fails with `unavailable` when nothing was found out, and with another code when sandboxes do not work on this machine.
    func probe() async throws(BackendEngineError) -> SandboxProbe

    /// Makes and starts a sandbox. After a failure there may be a container of that name.
    func make(_ name: String, runtime: String?) async throws(BackendEngineError) -> Sandbox

    /// Removes a sandbox, by its id or name. Harmless when there is none; another container of that name is left alone.
    func remove(_ sandbox: String) async throws(BackendEngineError)

    /// Whether a container of this drone is a sandbox that was made as `make` makes them now.
    func isOurs(_ listing: ContainerListing) -> Bool
}

/// What a probe has found to work.
package struct SandboxProbe: Hashable, Sendable {
    package var runtime: String?
    /// One sentence: the engine, its runtimes, and why a faster one is not used.
    package var findings: String

    package init(runtime: String?, findings: String) {
        self.runtime = runtime
        self.findings = findings
    }
}
