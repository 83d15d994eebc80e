import DockerEngine
package import DroneStore
import PlaneProtocol

/// Finding containers by their handles.
extension DockerEngineAdapter {
    package func recover(_ container: ContainerHandle) async throws(BackendEngineError) -> ContainerHandle? {
        do throws(EngineError) {
            if let id = container.id.flatMap({ ContainerID(rawValue: $0) }) {
                do throws(EngineError) {
                    return ContainerHandle(try await self.client.inspect(id))
                } catch {
                    guard error.code == .noSuchContainer else { throw error }
                }
            }
            return try await self.findByLabel(container)
        } catch {
            throw BackendEngineError(error)
        }
    }

    /// Makes a call about the container: by its id or, if that is unknown or no longer exists, by what its labels say.
    ///
    /// - Returns: Nil when there is no such container.
    func withContainer<Value>(
        _ container: ContainerHandle, _ call: (ContainerID) async throws(EngineError) -> Value
    ) async throws(EngineError) -> Value? {
        for isKnown in [true, false] {
            let handle = isKnown ? container : try await self.findByLabel(container)
            guard let id = handle?.id.flatMap({ ContainerID(rawValue: $0) }) else { continue }
            do throws(EngineError) {
                return try await call(id)
            } catch {
                guard error.code == .noSuchContainer else { throw error }
            }
        }
        return nil
    }

    /// Finds the container by the backend's label. Of several it takes the one with the handle's name, since anybody may put labels on containers. Containers
    /// with another role are ignored, whatever other labels they have.
    private func findByLabel(_ container: ContainerHandle) async throws(EngineError) -> ContainerHandle? {
        guard let backend = container.backend else { return nil }
        let found = try await self.client.list(label: "\(BackendID.backendLabel)=\(backend.resourceName)")
            .filter { ContainerHandle($0).backend == backend }
        return (found.first { $0.names.contains(container.name) } ?? found.first).map { ContainerHandle($0) }
    }
}

extension ContainerHandle {
    init(_ inspection: ContainerInspection) {
        self.init(id: inspection.id.rawValue, name: inspection.name, labels: inspection.labels)
        self.sandbox = inspection.networkOf?.rawValue
    }

    init(_ summary: ContainerSummary) {
        self.init(id: summary.id.rawValue, name: summary.names.first ?? summary.id.rawValue, labels: summary.labels)
        self.sandbox = summary.networkOf?.rawValue
    }

    /// If the engine reports no labels, the backend is found by the name. Other labels, such as those that Docker adds, are left out.
    init(_ event: ContainerEvent) {
        var labels = event.attributes.filter { $0.key.hasPrefix("dev.plane.") }
        if labels[BackendID.backendLabel] == nil, labels[Self.roleLabel] == nil { labels[BackendID.backendLabel] = event.name }
        labels[Self.sandboxLabel] = nil
        self.init(id: event.id.rawValue, name: event.name, labels: labels)
    }
}
