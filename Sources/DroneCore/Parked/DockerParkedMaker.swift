package import DockerEngine
import DroneStore
package import PlaneProtocol

/// Parked containers on Docker.
package struct DockerParkedMaker: ParkedMaker {
    private let adapter: DockerEngineAdapter
    private let drone: DroneID
    /// Where Docker has its files, once it was asked.
    private let dataRoot = CachedValue<String>()

    /// - Parameter adapter: Its template says how backends' containers are made.
    package init(_ adapter: DockerEngineAdapter, drone: DroneID) {
        self.adapter = adapter
        self.drone = drone
    }

    private var client: DockerClient { self.adapter.client }

    package func inspectImage(of kind: ParkedKind) async throws(BackendEngineError) -> ImageInspection {
        let image = try await self.call { () async throws(EngineError) in try await self.client.inspectImage(kind.specification.image) }
        guard !image.hasHealthCheck else {
            throw BackendEngineError(.refused, "the image has a health check, which Docker would run in containers that wait")
        }
        guard !image.entrypoint.isEmpty || !image.command.isEmpty else { throw BackendEngineError(.refused, "the image names no program") }
        return image
    }

    package func makeLabel(of kind: ParkedKind, runtime: String?) async throws(BackendEngineError) -> String {
        self.label(try await self.specification(of: kind, runtime: runtime))
    }

    private func label(_ spec: ContainerSpec) -> String { "\(ParkedProgram.version) \(spec.fingerprint)" }

    /// As a backend's, except for the program that is run first.
    private func specification(of kind: ParkedKind, runtime: String?) async throws(BackendEngineError) -> ContainerSpec {
        var spec = kind.specification
        spec.entrypoint = [ParkedProgram.path]
        spec.runtime = runtime ?? spec.runtime
        spec.readsInput = true
        spec.labels[ContainerHandle.roleLabel] = ContainerHandle.parkedRole
        return try await self.adapter.finished(spec)
    }

    package func make(
        _ name: String, _ kind: ParkedKind, of image: ImageInspection, runtime: String?
    ) async throws(BackendEngineError) -> ParkedContainer {
        try await self.adapter.ensureNetwork()
        var spec = try await self.specification(of: kind, runtime: runtime)
        spec.labels[ParkedContainer.makeLabel] = self.label(spec)
        spec.labels[ParkedContainer.imageLabel] = image.id
        let specification = spec
        return try await self.call { () async throws(EngineError) in
            let architecture = try await self.client.information().architecture
            guard let program = ParkedProgram.executable(for: architecture) else {
                throw EngineError(.badRequest, attempt: "park a container", message: "there is no program to wait with on \(architecture)")
            }
            guard let name = ContainerID(rawValue: name) else { throw EngineError(.badRequest, attempt: "name a container '\(name)'") }
            let id = try await self.client.createContainer(specification, name: name)
            try await self.client.writeArchive(SandboxProgram.archive(of: program, at: ParkedProgram.path), to: "/", in: id)
            try await self.client.start(id)
            let inspection = try await self.client.inspect(id)
            guard inspection.imageID == image.id else {
                throw EngineError(.conflict, attempt: "park a container of \(kind.image)", message: "the image has become another one meanwhile")
            }
            guard inspection.state.isRunning else {
                throw EngineError(
                    .notStartable, attempt: "park a container of \(kind.image)", message: "it ended at once, with code \(inspection.state.exitCode)")
            }
            // A backend would end at once without one.
            guard try await self.adapter.awaitAddress(of: id) else {
                throw EngineError(.conflict, attempt: "park a container of \(kind.image)", message: "it got no address")
            }
            // An image's labels are among those of its containers, and are no business of the agent's.
            return ParkedContainer(id: id.rawValue, name: name.rawValue, labels: specification.labels, imageID: image.id)
        }
    }

    package func remove(_ container: String) async throws(BackendEngineError) {
        do throws(EngineError) {
            let inspection = try await self.client.inspect(try DockerEngineAdapter.containerID(container))
            guard ContainerHandle(inspection).isParked else { return }
            try await self.client.remove(inspection.id, force: true)
        } catch {
            guard error.code != .noSuchContainer else { return }
            throw BackendEngineError(error)
        }
    }

    package func rename(_ container: String, to name: String) async throws(BackendEngineError) {
        try await self.call { () async throws(EngineError) in
            try await self.client.rename(try DockerEngineAdapter.containerID(container), to: try DockerEngineAdapter.containerID(name))
        }
    }

    package func isPressed(already: Bool) async -> Bool {
        if self.dataRoot.value == nil { self.dataRoot.value = (try? await self.client.information())?.dataRoot }
        return HostPressure.isHigh(HostSample.read(), disk: self.dataRoot.value.flatMap { HostSample.disk(at: $0) }, already: already)
    }

    private func call<Value>(_ body: () async throws(EngineError) -> Value) async throws(BackendEngineError) -> Value {
        do throws(EngineError) {
            return try await body()
        } catch {
            throw BackendEngineError(error)
        }
    }
}
