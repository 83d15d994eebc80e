package import DockerEngine
package import DroneStore
import NetworkAddresses
package import PlaneProtocol
import Synchronization

/// Docker as the agent's engine.
package struct DockerEngineAdapter: Engine {
    let client: DockerClient
    let template: ContainerTemplate
    let groups = ControlGroupCache()
    let frozen = FrozenContainers()
    let networkCreation = NetworkCreation()
    package var pageOuts: PageOut?
    /// The daemon's log driver, asked for once; it can only change when the daemon is restarted.
    let logDriver = CachedValue<String>()
    /// The pool of sandboxes; nil for none.
    package var sandboxes: SandboxPool?
    /// Where starts find a container that runs; nil for none.
    package var parked: ParkedPool?

    package init(client: DockerClient, template: ContainerTemplate) {
        self.client = client
        self.template = template
    }

    package func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(BackendEngineError) {
        guard let reference = ImageReference(image) else { throw Self.notAnImage(image) }
        do throws(EngineError) {
            try await self.client.pull(reference, auth: credentials.map { RegistryAuth($0) }) { news in
                if let step = PullStep(news) { progress(step) }
            }
        } catch {
            throw BackendEngineError(error)
        }
    }

    /// How many bytes of labels a container may have, those of its image included. Every list of containers and every event of this container repeats them.
    /// Images made by buildpacks have some 100 KiB.
    static let labelLimit = 1024 * 1024

    /// There is no container with this id; there may be another one with the name.
    func inspectName(of container: ContainerHandle) async throws(EngineError) -> ContainerObservation {
        do throws(EngineError) {
            _ = try await self.client.inspect(try Self.containerID(container.name))
            return .foreign
        } catch {
            guard error.code == .noSuchContainer else { throw error }
            return .absent
        }
    }

    package func stop(_ container: ContainerHandle, grace: Duration) async throws(BackendEngineError) {
        do throws(EngineError) {
            _ = try await self.withContainer(container) { (id) async throws(EngineError) in
                // A frozen one that cannot be thawed waits out its grace, and is killed then.
                try? await self.ensureThawed(id)
                try await self.client.stop(id, grace: grace)
            }
        } catch {
            throw BackendEngineError(error)
        }
    }

    package func remove(_ container: ContainerHandle) async throws(BackendEngineError) {
        if let id = container.id {
            self.groups[id] = nil
            self.parked?.forget(id)
            self.frozen.forget(id)
        }
        if let backend = container.backend {
            self.sandboxes?.startAbandoned(of: backend)
            self.parked?.startEnded(of: backend)
        }
        var sandbox = container.sandbox
        if container.id == nil { sandbox = try await self.recover(container)?.sandbox }
        do throws(EngineError) {
            _ = try await self.withContainer(container) { (id) async throws(EngineError) in try await self.client.remove(id, force: true) }
        } catch {
            throw BackendEngineError(error)
        }
        if let sandbox { try await self.removeSandbox(sandbox) }
    }

    /// Removes a sandbox, by its id or name. Does nothing if there is none, or if the container is no sandbox.
    func removeSandbox(_ text: String) async throws(BackendEngineError) {
        do throws(EngineError) {
            let inspection = try await self.client.inspect(try Self.containerID(text))
            guard inspection.labels[ContainerHandle.roleLabel] == ContainerHandle.sandboxRole else { return }
            try await self.client.remove(inspection.id, force: true)
        } catch {
            guard error.code != .noSuchContainer else { return }
            throw BackendEngineError(error)
        }
    }

    package func list() async throws(BackendEngineError) -> [ContainerListing] {
        do throws(EngineError) {
            return try await self.client.list(label: "\(BackendID.managedLabel)=true").map { summary in
                ContainerListing(ContainerHandle(summary), isRunning: summary.status == .running || summary.status == .paused)
            }
        } catch {
            throw BackendEngineError(error)
        }
    }

    static func notAnImage(_ text: String) -> BackendEngineError {
        BackendEngineError(.imageNotFound, "'\(text)' is not the name of an image")
    }

    /// Docker accepts a name wherever it accepts an id. The name of a backend is always valid, but one from the table may be anything.
    static func containerID(_ name: String) throws(EngineError) -> ContainerID {
        guard let id = ContainerID(rawValue: name) else { throw EngineError(.badRequest, attempt: "name a container '\(name)'") }
        return id
    }
}

extension PullStep {
    /// Nil for progress that is not about a layer.
    init?(_ news: PullProgress) {
        guard let layer = news.layer else { return nil }
        switch news.status {
        case "Downloading":
            guard let done = news.bytesDone, let total = news.bytesTotal, total > 0 else { return nil }
            self.init(layer: layer, .fetching(done: done, of: total))
        case "Pulling fs layer", "Waiting": self.init(layer: layer, .waiting)
        case "Verifying Checksum", "Download complete", "Extracting": self.init(layer: layer, .unpacking)
        case "Pull complete", "Already exists": self.init(layer: layer, .done)
        default: return nil  // the image's own line, which carries its tag in a layer's place
        }
    }
}

extension RegistryAuth {
    init(_ credentials: DockerCredentials) {
        switch credentials {
        case .usernamePassword(let username, let password): self = .usernamePassword(username: username, password: password.exposed)
        case .identityToken(let token): self = .identityToken(token.exposed)
        }
    }
}

extension BackendEngineError {
    init(_ error: EngineError) {
        let code: Code =
            switch error.code {
            case .noSuchImage: .imageMissing
            case .nameConflict: .nameTaken
            case .imageNotFound: .imageNotFound
            case .pullDenied: .pullDenied
            case .diskFull: .diskFull
            case .badRequest, .notStartable, .noSuchContainer, .versionUnsupported: .refused
            case .registry(let trouble): .registry(trouble)
            case .daemonUnreachable, .timedOut, .cancelled, .conflict, .daemonFailed, .unreadableReply, .replyTooLarge: .unavailable
            }
        self.init(code, "\(error)")
    }
}

/// A value that is asked for once and remembered until it is forgotten on request.
final class CachedValue<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)

    var value: Value? {
        get { self.stored.withLock { $0 } }
        set { self.stored.withLock { $0 = newValue } }
    }
}
