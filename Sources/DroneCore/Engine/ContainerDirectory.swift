import DockerEngine
package import PlaneProtocol
import Synchronization

/// Which container is whose, by Docker's ids: a container can be renamed, and its name be given to another one.
final class ContainerDirectory: Sendable {
    private let ids = Mutex<[BackendID: ContainerID]>([:])

    subscript(_ backend: BackendID) -> ContainerID? {
        get { self.ids.withLock { $0[backend] } }
        set { self.ids.withLock { $0[backend] = newValue } }
    }

    /// Forgets an id that turned out to name nothing, unless another one is known meanwhile.
    func forget(_ id: ContainerID, of backend: BackendID) {
        self.ids.withLock { ids in
            if ids[backend] == id { ids[backend] = nil }
        }
    }
}

extension DockerEngineAdapter {
    package func container(of backend: BackendID) -> String? { self.directory[backend]?.rawValue }

    package func remember(_ container: String, of backend: BackendID) {
        if let id = ContainerID(rawValue: container), self.directory[backend] == nil { self.directory[backend] = id }
    }

    /// Makes a call about the backend's container, wherever it is found: by the id that is known, or else by our label.
    ///
    /// - Returns: Nil when there is no such container.
    func withContainer<Value>(
        of backend: BackendID, _ call: (ContainerID) async throws(EngineError) -> Value
    ) async throws(EngineError) -> Value? {
        if let known = self.directory[backend] {
            do throws(EngineError) {
                return try await call(known)
            } catch {
                guard error.code == .noSuchContainer else { throw error }
                self.directory.forget(known, of: backend)
            }
        }
        guard let found = try await self.findByLabel(backend) else { return nil }
        self.directory[backend] = found
        do throws(EngineError) {
            return try await call(found)
        } catch {
            guard error.code == .noSuchContainer else { throw error }
            self.directory.forget(found, of: backend)
            return nil
        }
    }

    /// Of several with the label, one that has our name; anybody may put labels on containers.
    private func findByLabel(_ backend: BackendID) async throws(EngineError) -> ContainerID? {
        let found = try await self.client.list(label: "\(BackendID.backendLabel)=\(backend.resourceName)")
        return (found.first { $0.names.contains(backend.resourceName) } ?? found.first)?.id
    }
}
