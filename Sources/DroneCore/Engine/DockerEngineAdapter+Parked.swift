import DockerEngine
import DroneStore
package import PlaneProtocol

/// Backends in containers that ran before they were asked for.
extension DockerEngineAdapter {
    /// - Returns: Nil when none waits for a backend like this; then its container is made.
    func claimParked(_ spec: ContainerSpec, for backend: BackendID) async -> ContainerHandle? {
        guard let pool = self.parked, pool.covers(spec) else { return nil }
        // The name may stand for another image than a moment ago. Where it stands for none, whoever makes the container says so.
        guard let image = try? await self.client.inspectImage(spec.image) else { return nil }
        return pool.claim(for: backend, spec, image: image)
    }

    /// Whether a backend that was asked for now would find one.
    package func hasParked(for request: SpawnRequest) -> Bool {
        guard let pool = self.parked, let spec = self.template.specification(for: request) else { return false }
        return pool.hasFree(for: spec)
    }

    /// Tells it what it is. One that cannot be told, or was not claimed by this agent, cannot be used.
    func startParked(_ container: ContainerHandle) async throws(BackendEngineError) {
        guard let pool = self.parked, let id = container.id.flatMap({ ContainerID(rawValue: $0) }), let claim = pool.claim(of: id.rawValue) else {
            throw BackendEngineError(.shortcutFailed, "the parked container \(container.name) was claimed by an agent before this one")
        }
        defer { pool.startEnded(of: claim.backend) }
        // Docker attaches to a container that has ended, too, and does not tell that nobody reads what is written.
        let isRunning: Bool
        do throws(EngineError) {
            isRunning = try await self.client.inspect(id).state.isRunning
            if isRunning { try await self.client.feed(claim.document, to: id) }
        } catch {
            throw BackendEngineError(.shortcutFailed, "\(error)")
        }
        guard isRunning else { throw BackendEngineError(.shortcutFailed, "the parked container \(container.name) has ended") }
        self.frozen.note(id, isFrozen: false)
        pool.started(id.rawValue)
    }
}
