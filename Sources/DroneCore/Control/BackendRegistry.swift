package import DroneStore
import Logging
package import PlaneProtocol
import LogKeys
import PlaneService

/// The supervisors of the backends that this agent runs. Their tasks are children of `run()`.
package actor BackendRegistry {
    private let context: BackendContext
    private var supervisors: [BackendID: BackendSupervisor] = [:]
    private let launches: AsyncStream<BackendSupervisor>
    private let launch: AsyncStream<BackendSupervisor>.Continuation

    package init(context: BackendContext) {
        self.context = context
        (self.launches, self.launch) = AsyncStream.makeStream()
    }

    /// Runs every backend until cancelled; the containers are left as they are then.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await supervisor in self.launches {
                group.addTask {
                    await supervisor.run()
                    guard !Task.isCancelled else { return }
                    await self.forget(supervisor)
                }
            }
            group.cancelAll()
        }
    }

    /// Starts a supervisor for every live backend in the table that has none. Rows that cannot be read are logged and left alone.
    package func resume() async throws(StoreError) {
        let listing = try await self.context.store.allBackends()
        for row in listing.unreadable {
            self.context.logger.error("a row of the backend table is unreadable and left alone", metadata: [LogKey.error: "\(row)"])
        }
        for record in listing.backends where !record.state.isTerminal { self.takeOn(record) }
    }

    /// Starts a supervisor for a backend in the table, live or ended, unless it has one. If the backend has ended, its container is stopped and removed.
    package func takeOn(_ record: StoredBackend) {
        let origin: BackendMachine.Origin =
            switch (record.state, record.ending) {
            case (.loading, nil): record.container.isParked ? .claimed : .loading
            case (.starting, nil): .starting
            case (.ready, nil): .ready
            case (.loading, let ending?), (.starting, let ending?), (.ready, let ending?): .ending(BackendOutcome(ending))
            case (.errorLoading, _), (.errorStarting, _), (.timedOutBeforeReady, _), (.failed, _), (.exited, _), (.swept, _), (.lost, _), (.terminated, _):
                .ended(BackendOutcome(record.state, nil, exitCode: record.exitCode))
            }
        self.start(
            BackendSupervisor(
                record.spec, from: origin, acceptedAt: record.acceptedAt, lifetimeEnd: record.lifetimeEnd, logsAfter: record.logCursor, ending: record.ending,
                container: record.container, in: self.context))
    }

    /// Stores a new backend in the table and starts to run it. When this returns `admitted`, the proxy knows the name.
    ///
    /// - Parameter room: how many live backends there may be, this one included; nil for any number.
    package func admit(_ request: SpawnRequest, room: Int?) async throws(StoreError) -> Admission {
        self.context.pass(.requested)
        let received = self.context.time.now().unixMicroseconds
        let report = self.context.report(
            .loading, of: request.backendID,
            detail: request.metadata[ScheduleRequest.requestedByKey].map { BackendStatusDetail(requestedBy: BackendStatusDetail.requester($0)) })
        let lifetimeEnd = request.terms.lifetimeLimit.map { limit in
            received / 1_000_000 + Int64(clamping: limit.duration.components.seconds)
        }
        let admission = try await self.context.store.admit(
            request, acceptedAt: received, lifetimeEnd: lifetimeEnd, room: room, report: report)
        if admission == .admitted {
            self.context.pass(.admitted)
            self.start(BackendSupervisor(request, from: .admitted, acceptedAt: received, lifetimeEnd: lifetimeEnd, in: self.context))
            self.context.reports.queued()
        }
        return admission
    }

    package func supervisor(of backend: BackendID) -> BackendSupervisor? { self.supervisors[backend] }

    /// The supervisor of the backend that this container belongs to: the one whose container or sandbox has its id, or else the one of the backend that its
    /// labels name.
    package func supervisor(of container: ContainerHandle) -> BackendSupervisor? {
        if let id = container.id, let owner = self.supervisors.values.first(where: { $0.containerHandle.isOrUses(id) }) { return owner }
        return container.backend.flatMap { self.supervisors[$0] }
    }

    /// The handles of the containers of all supervised backends.
    package var containers: [BackendID: ContainerHandle] { self.supervisors.mapValues(\.containerHandle) }

    package var supervised: Set<BackendID> { Set(self.supervisors.keys) }

    /// The backends whose containers should be running.
    package var running: [BackendID] { self.supervisors.values.filter(\.isRunning).map(\.backend) }

    private func start(_ supervisor: BackendSupervisor) {
        guard self.supervisors[supervisor.backend] == nil else { return }
        self.supervisors[supervisor.backend] = supervisor
        self.launch.yield(supervisor)
    }

    private func forget(_ supervisor: BackendSupervisor) {
        self.supervisors[supervisor.backend] = nil
    }
}

extension ContainerHandle {
    /// Whether this container, or the sandbox whose network it uses, has this id.
    fileprivate func isOrUses(_ id: String) -> Bool { self.id == id || self.sandbox == id }
}
