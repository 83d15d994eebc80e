import DockerEngine
import DroneStore
package import PlaneProtocol

/// Sandboxes on Docker.
package struct DockerSandboxMaker: SandboxMaker {
    /// The number in the tag changes with the program and the way in which it is packed.
    private static let image = ImageReference(registry: nil, path: "plane-sandbox", tag: "1", digest: nil)
    /// This runtime starts containers in half of runc's time.
    private static let fastRuntime = "crun"
    /// Runtimes whose containers use the kernel's networks and can share them. Others (runsc, kata) have networks of their own.
    private static let plainRuntimes: Set = ["runc", "crun", "io.containerd.runc.v2"]
    /// Allows for the processes of the runtime itself, which are counted towards the container's limit.
    private static let processLimit: Int64 = 64

    private let adapter: DockerEngineAdapter
    private let drone: DroneID

    /// - Parameter adapter: its template says which network and runtime backends use.
    package init(_ adapter: DockerEngineAdapter, drone: DroneID) {
        self.adapter = adapter
        self.drone = drone
    }

    private var client: DockerClient { self.adapter.client }
    private var template: ContainerTemplate { self.adapter.template }

    private var makeLabel: String { "\(Self.image) \(self.template.network ?? "")" }

    package func isOurs(_ listing: ContainerListing) -> Bool {
        listing.container.role == .other(ContainerHandle.sandboxRole) && listing.drone == self.drone
            && listing.container.labels[Sandbox.makeLabel] == self.makeLabel
    }

    // MARK: - Probing

    package func probe() async throws(BackendEngineError) -> SandboxProbe {
        let daemon = try await self.call { () async throws(EngineError) in try await self.client.information() }
        try await self.provideImage(daemon)
        var findings = ["Docker \(daemon.engine)"]
        if !daemon.controlGroups.isEmpty { findings.append("cgroups v\(daemon.controlGroups)") }
        for runtime in try self.candidates(daemon, &findings) {
            let name = runtime ?? daemon.standardRuntime
            do throws(BackendEngineError) {
                try await self.attempt(runtime)
                findings.append("containers are run by \(name)")
                return SandboxProbe(runtime: runtime, findings: findings.joined(separator: "; "))
            } catch {
                guard error.code != .unavailable else { throw error }
                findings.append("\(name) does not work (\(error))")
            }
        }
        throw BackendEngineError(.refused, findings.joined(separator: "; "))
    }

    /// Runtimes to try, the fastest first.
    private func candidates(_ daemon: EngineInformation, _ findings: inout [String]) throws(BackendEngineError) -> [String?] {
        let configured = self.template.runtime
        let name = configured ?? daemon.standardRuntime
        guard Self.plainRuntimes.contains(name) else {
            throw BackendEngineError(.refused, "the runtime is \(name), and containers of it do not share networks with others")
        }
        guard configured == nil, name != Self.fastRuntime else { return [configured] }
        if self.template.hasAllGPUs {
            findings.append("crun is not tried, for containers get GPUs")
            return [nil]
        }
        guard daemon.runtimes.contains(Self.fastRuntime) else {
            findings.append("crun, which starts containers faster, is not among Docker's runtimes")
            return [nil]
        }
        return [Self.fastRuntime, nil]
    }

    /// Makes a sandbox, and in it a container like that of a backend without special wishes.
    private func attempt(_ runtime: String?) async throws(BackendEngineError) {
        let (holder, guest) = (Sandbox.randomName(), Sandbox.randomName())
        let outcome: Result<Void, BackendEngineError>
        do throws(BackendEngineError) {
            let sandbox = try await self.make(holder, runtime: runtime)
            try await self.runGuest(guest, in: sandbox, runtime: runtime)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        for name in [guest, holder] { try await self.remove(name) }
        try outcome.get()
    }

    private func runGuest(_ name: String, in sandbox: Sandbox, runtime: String?) async throws(BackendEngineError) {
        var spec = self.specification(runtime: runtime)
        spec.networkOf = ContainerID(rawValue: sandbox.id)
        spec.limits = self.template.limits.granted(ContainerLimits())
        spec.limits.processes = self.template.processLimit
        spec.mayGainPrivileges = self.template.mayGainPrivileges
        spec.droppedCapabilities = self.template.droppedCapabilities
        spec.isReadOnly = false
        let id = try await self.run(spec, name)
        let state = try await self.call { () async throws(EngineError) in try await self.client.inspect(id).state }
        guard state.isRunning else { throw BackendEngineError(.refused, "a container with another's network ended at once, with code \(state.exitCode)") }
    }

    // MARK: - Making

    package func make(_ name: String, runtime: String?) async throws(BackendEngineError) -> Sandbox {
        try await self.adapter.ensureNetwork()
        var spec = self.specification(runtime: runtime)
        spec.network = self.template.network
        let id: ContainerID
        do throws(BackendEngineError) {
            id = try await self.run(spec, name)
        } catch {
            // The image may have been removed since it was loaded.
            guard error.code == .imageMissing else { throw error }
            try await self.provideImage(try await self.call { () async throws(EngineError) in try await self.client.information() })
            id = try await self.run(spec, name)
        }
        do throws(BackendEngineError) {
            // It will be the address of a backend, which would end at once without one.
            guard try await self.call({ () async throws(EngineError) in try await self.adapter.awaitAddress(of: id) }) else {
                let network = self.template.network.map { "network \($0)" } ?? "Docker's own network"
                throw BackendEngineError(.refused, "a container in \(network) got no address")
            }
        } catch {
            // Where that fails too, the reconciler removes the sandbox later.
            try? await self.remove(name)
            throw error
        }
        return Sandbox(id: id.rawValue, name: name)
    }

    package func remove(_ sandbox: String) async throws(BackendEngineError) {
        try await self.adapter.removeSandbox(sandbox)
    }

    private func specification(runtime: String?) -> ContainerSpec {
        var spec = ContainerSpec(
            image: Self.image, command: [SandboxProgram.path], labels: Sandbox.labels(drone: self.drone, make: self.makeLabel),
            runtime: runtime ?? self.template.runtime)
        spec.limits.processes = Self.processLimit
        spec.droppedCapabilities = ["ALL"]
        spec.isReadOnly = true
        spec.stopSignal = "SIGKILL"
        spec.keepsOutput = false
        return spec
    }

    private func run(_ spec: ContainerSpec, _ name: String) async throws(BackendEngineError) -> ContainerID {
        try await self.call { () async throws(EngineError) in
            guard let name = ContainerID(rawValue: name) else { throw EngineError(.badRequest, attempt: "name a container '\(name)'") }
            let id = try await self.client.createContainer(spec, name: name)
            try await self.client.start(id)
            return id
        }
    }

    private func provideImage(_ daemon: EngineInformation) async throws(BackendEngineError) {
        guard let program = SandboxProgram.executable(for: daemon.architecture) else {
            throw BackendEngineError(.refused, "there is no program for a sandbox on \(daemon.architecture)")
        }
        try await self.call { () async throws(EngineError) in
            guard try await !self.client.imageExists(Self.image) else { return }
            try await self.client.importImage(SandboxProgram.archive(of: program), as: Self.image)
        }
    }

    private func call<Value>(_ body: () async throws(EngineError) -> Value) async throws(BackendEngineError) -> Value {
        do throws(EngineError) {
            return try await body()
        } catch {
            throw BackendEngineError(error)
        }
    }
}
