import DroneStore
import PlaneProtocol

/// A container of ours that does nothing but hold a network, so that a backend's container finds it ready.
///
/// Setting up a network is half of Docker's time for a start (up to Docker 27: a hook that executes dockerd twice). A sandbox joins the network
/// that backends join, ahead of time; the backend's container is then made with `NetworkMode: container:<sandbox>`. It has an address of its own,
/// and is kept from its neighbours and from the machine like any other, since bridge and firewall see the same. A sandbox is used once, and goes
/// with its backend.
package struct Sandbox: Hashable, Sendable {
    /// The engine's id.
    package var id: String
    package var name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }

    /// No backend's container has a name that begins like this.
    private static let namePrefix = "plane.sandbox-"

    static func randomName() -> String {
        self.namePrefix + String(UInt64.random(in: .min ... .max), radix: 16)
    }

    /// Which image and network a sandbox was made with. One that another configuration made is not used.
    static let makeLabel = "dev.plane.sandbox.make"

    static func labels(drone: DroneID, make: String) -> [String: String] {
        [
            BackendID.managedLabel: "true", ContainerHandle.roleLabel: ContainerHandle.sandboxRole,
            ContainerTemplate.droneLabel: drone.rawValue, Self.makeLabel: make,
        ]
    }
}

/// How containers of backends are made so that they start faster than plainly, as a probe has found it to work.
package struct Shortcut: Hashable, Sendable {
    /// The OCI runtime in place of the engine's own; nil for that one.
    package var runtime: String?
    /// The network that is ready; nil when none was left.
    package var sandbox: Sandbox?

    package init(runtime: String?, sandbox: Sandbox? = nil) {
        self.runtime = runtime
        self.sandbox = sandbox
    }
}

/// What the pool needs of a container engine. The real one is Docker (`DockerSandboxMaker`).
package protocol SandboxMaker: Sendable {
    /// Tries everything once with containers of its own, and removes them.
    ///
    /// Fails with `unavailable` when nothing was found out, and with another code when sandboxes do not work on this machine.
    func probe() async throws(EngineFailure) -> SandboxProbe

    /// Makes and starts a sandbox. After a failure there may be one of that name.
    func make(_ name: String, runtime: String?) async throws(EngineFailure) -> Sandbox

    /// Removes a sandbox, by its id or its name. Harmless when there is none; another container of that name is left alone.
    func remove(_ sandbox: String) async throws(EngineFailure)

    /// Whether a container of this drone is a sandbox as `make` makes them now.
    func isOurs(_ listing: ContainerListing) -> Bool
}

/// What a probe has found to work.
package struct SandboxProbe: Hashable, Sendable {
    package var runtime: String?
    /// One sentence: the engine, its runtimes, and why not a faster one.
    package var findings: String

    package init(runtime: String?, findings: String) {
        self.runtime = runtime
        self.findings = findings
    }
}
