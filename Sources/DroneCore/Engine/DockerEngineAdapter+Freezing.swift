import DockerEngine
package import DroneStore
import Synchronization

/// Containers that are frozen while there is no traffic.
extension DockerEngineAdapter {
    package func freeze(_ container: ContainerHandle) async throws(BackendEngineError) {
        do throws(EngineError) {
            let outcome: Void? = try await self.withContainer(container) { (id) async throws(EngineError) in
                // Noted before, so that whoever stops the container meanwhile thaws it.
                self.frozen.note(id, isFrozen: true)
                try await self.client.pause(id)
                // A program that an operator has begun meanwhile may have found the container running.
                self.frozen.note(id, isFrozen: true)
            }
            if outcome == nil { throw EngineError(.noSuchContainer, attempt: "freeze container \(container.name)") }
        } catch {
            throw BackendEngineError(error)
        }
    }

    package func thaw(_ container: ContainerHandle) async throws(BackendEngineError) {
        do throws(EngineError) {
            _ = try await self.withContainer(container) { (id) async throws(EngineError) in
                // Docker is asked in any case: the table says that it is frozen, and what is noted here may be of an operator's program that came between.
                self.frozen.note(id, isFrozen: true)
                try await self.ensureThawed(id)
            }
        } catch {
            throw BackendEngineError(error)
        }
    }

    package func pageOut(_ container: ContainerHandle) async {
        guard let pageOuts, let text = container.id, let id = ContainerID(rawValue: text) else { return }
        // Where the group is not found, Docker runs on another machine, or the container has ended.
        var group = self.groups[text]
        if group == nil { group = try? await self.findGroup(of: container) }
        guard let group else { return }
        let frozen = self.frozen
        pageOuts.reclaim(group) { frozen.mayBeFrozen(id) }
    }

    /// Docker does not signal the processes of a frozen container, so a stop would wait for the whole grace and kill; and it runs no program there.
    func ensureThawed(_ id: ContainerID) async throws(EngineError) {
        guard self.frozen.mayBeFrozen(id) else { return }
        do throws(EngineError) {
            try await self.client.unpause(id)
        } catch {
            guard error.code == .noSuchContainer else { throw error }
        }
        self.frozen.note(id, isFrozen: false)
    }
}

/// Which containers may be frozen: those that this agent has frozen, and those of which it does not know because an agent before it has started them.
final class FrozenContainers: Sendable {
    private let known = Mutex<[String: Bool]>([:])

    func mayBeFrozen(_ id: ContainerID) -> Bool { self.known.withLock { $0[id.rawValue] ?? true } }

    func note(_ id: ContainerID, isFrozen: Bool) { self.known.withLock { $0[id.rawValue] = isFrozen } }

    /// Notes what an inspection has found, unless something is known of the container: the inspection may be the older of the two.
    func noteFirst(_ id: ContainerID, isFrozen: Bool) {
        self.known.withLock { known in
            if known[id.rawValue] == nil { known[id.rawValue] = isFrozen }
        }
    }

    func forget(_ id: String) { self.known.withLock { $0[id] = nil } }
}
