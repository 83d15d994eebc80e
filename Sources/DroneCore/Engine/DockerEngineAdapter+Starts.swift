import DockerEngine
package import DroneStore
import NetworkAddresses
package import PlaneProtocol

/// Making and starting containers, by a shortcut where there is one.
extension DockerEngineAdapter {
    /// How often a new container is looked at whose address Docker does not tell, and the pause between two looks.
    private static let addressLooks = 20
    private static let addressPause = Duration.milliseconds(50)

    @discardableResult
    package func create(_ request: SpawnRequest, plainly: Bool) async throws(BackendEngineError) -> ContainerHandle {
        guard let spec = self.template.specification(for: request) else { throw Self.notAnImage(request.executable.image) }
        if let refusal = self.template.limits.refusal(of: ContainerLimits(request.executable.resourceLimits)) {
            throw BackendEngineError(.refused, refusal)
        }
        if let mount = request.executable.dataMount {
            guard let mounts = self.template.mounts else { throw BackendEngineError(.refused, "the drone has no directory for data (agent.mount_base)") }
            try await mounts.prepare(mount, for: request.executable.process.user)
        }
        let backend = request.backendID
        self.parked?.startBegan(of: backend)
        if !plainly, let container = await self.claimParked(spec, for: backend) { return container }
        // What is ready is on the network that backends join by default.
        guard !plainly, request.executable.network == nil, let pool = self.sandboxes, let shortcut = pool.claim(for: backend) else {
            return try await self.create(spec, for: backend)
        }
        do throws(BackendEngineError) {
            return try await self.create(spec, for: backend, by: shortcut, of: pool)
        } catch {
            pool.startAbandoned(of: backend)
            throw error
        }
    }

    private func create(
        _ plain: ContainerSpec, for backend: BackendID, by shortcut: Shortcut, of pool: SandboxPool
    ) async throws(BackendEngineError) -> ContainerHandle {
        var spec = plain
        spec.runtime = shortcut.runtime ?? plain.runtime
        guard let sandbox = shortcut.sandbox else { return try await self.create(spec, for: backend) }
        spec.networkOf = ContainerID(rawValue: sandbox.id)
        do throws(BackendEngineError) {
            return try await self.create(spec, for: backend)
        } catch {
            switch error.code {
            case .imageMissing, .nameTaken, .imageNotFound, .pullDenied, .registry, .diskFull:
                pool.giveBack(sandbox)
                throw error
            case .refused, .shortcutFailed:
                pool.discard(sandbox)
                return try await self.create(plain, for: backend)
            case .unavailable:
                throw error  // there may be a container that has it; if there is none, the reconciler removes it after a while
            }
        }
    }

    private func create(_ specification: ContainerSpec, for backend: BackendID) async throws(BackendEngineError) -> ContainerHandle {
        if specification.networkOf == nil { try await self.ensureNetwork() }
        let spec = try await self.finished(specification)
        do throws(EngineError) {
            let id = try await self.client.createContainer(spec, name: try Self.containerID(backend.resourceName))
            var handle = ContainerHandle(id: id.rawValue, name: backend.resourceName, labels: spec.labels)
            handle.sandbox = spec.networkOf?.rawValue
            return handle
        } catch {
            self.logDriver.value = nil
            throw BackendEngineError(error)
        }
    }

    /// With what depends on the engine.
    func finished(_ specification: ContainerSpec) async throws(BackendEngineError) -> ContainerSpec {
        guard specification.syslog == nil, specification.keepsOutput, let bytes = self.template.logBytes else { return specification }
        var spec = specification
        do throws(EngineError) {
            spec.logRotation = LogRotation(driver: try await self.standardLogDriver(), bytes: bytes)
        } catch {
            throw BackendEngineError(error)
        }
        return spec
    }

    private func standardLogDriver() async throws(EngineError) -> String {
        if let known = self.logDriver.value { return known }
        let driver = try await self.client.information().logDriver
        self.logDriver.value = driver
        return driver
    }

    package func start(_ container: ContainerHandle) async throws(BackendEngineError) {
        if container.isParked { return try await self.startParked(container) }
        defer { if let backend = container.backend { self.parked?.startEnded(of: backend) } }
        do throws(EngineError) {
            let outcome: Void? = try await self.withContainer(container) { (id) async throws(EngineError) in
                try await self.client.start(id)
                self.frozen.note(id, isFrozen: false)
            }
            if outcome == nil { throw EngineError(.noSuchContainer, attempt: "start container \(container.name)") }
        } catch {
            let wasByShortcut = self.startEnded(of: container, well: false) || container.sandbox != nil
            throw wasByShortcut && Self.mayBeOfShortcut(error.code) ? BackendEngineError(.shortcutFailed, "\(error)") : BackendEngineError(error)
        }
        _ = self.startEnded(of: container, well: true)
    }

    /// - Returns: Whether this agent made the container by a shortcut.
    private func startEnded(of container: ContainerHandle, well: Bool) -> Bool {
        guard let pool = self.sandboxes, let backend = container.backend else { return false }
        return pool.startEnded(of: backend, well: well)
    }

    /// Whether a start without the shortcut may succeed. Docker reports "conflict" for a sandbox that does not run.
    private static func mayBeOfShortcut(_ code: EngineError.Code) -> Bool {
        switch code {
        case .conflict, .notStartable, .badRequest, .daemonFailed: true
        case .daemonUnreachable, .timedOut, .cancelled, .versionUnsupported, .noSuchContainer, .noSuchImage, .nameConflict, .imageNotFound,
            .pullDenied, .registry, .diskFull, .unreadableReply, .replyTooLarge:
            false
        }
    }

    package func inspect(_ container: ContainerHandle) async throws(BackendEngineError) -> ContainerObservation {
        // Mostly the handle names the sandbox, so that both can be inspected at the same time.
        async let early = self.inspectSandbox(container.sandbox)
        do throws(EngineError) {
            let found = try await self.withContainer(container) { (id) async throws(EngineError) in try await self.client.inspect(id) }
            guard let inspection = found else { return try await self.inspectName(of: container) }
            guard ContainerHandle(inspection).role == container.role else { return .foreign }
            guard inspection.labels.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= Self.labelLimit else { return .oversized }
            let state = inspection.state
            self.frozen.noteFirst(inspection.id, isFrozen: state.status == .paused)
            if state.isRunning {
                guard let sandbox = inspection.networkOf?.rawValue else { return .running(await self.address(of: inspection)) }
                let look = await (sandbox == container.sandbox ? early : self.inspectSandbox(sandbox))
                guard let holder = try look.get(), holder.state.isRunning else { return .networkLost }
                return .running(await self.address(of: holder))
            }
            guard state.status != .created else { return .created }
            return .exited(code: state.exitCode, outOfMemory: state.wasKilledForMemory)
        } catch {
            if error.code == .replyTooLarge { return .oversized }
            throw BackendEngineError(error)
        }
    }

    /// Waits until Docker tells the address of a container that runs, which Docker 20.10 has been seen to do late.
    ///
    /// - Returns: Whether it did.
    func awaitAddress(of id: ContainerID) async throws(EngineError) -> Bool {
        for look in 1...Self.addressLooks {
            let inspection = try await self.client.inspect(id)
            if await self.address(of: inspection) != nil { return true }
            guard look < Self.addressLooks, (try? await Task.sleep(for: Self.addressPause)) != nil else { break }
        }
        return false
    }

    private func address(of inspection: ContainerInspection) async -> IPAddress? {
        if let told = inspection.address(on: self.template.network) { return IPAddress(told) }
        // Docker has been seen to run a container and to tell no address with it. A question that fails is put again with the supervisor's next look.
        for network in inspection.networks {
            if let told = try? await self.client.address(of: inspection.id, in: network) { return IPAddress(told) }
        }
        return nil
    }

    /// - Returns: Nil where there is no sandbox.
    private func inspectSandbox(_ id: String?) async -> Result<ContainerInspection?, EngineError> {
        guard let id = id.flatMap({ ContainerID(rawValue: $0) }) else { return .success(nil) }
        do throws(EngineError) {
            return .success(try await self.client.inspect(id))
        } catch {
            return error.code == .noSuchContainer ? .success(nil) : .failure(error)
        }
    }
}
