import DroneStore
import Logging
import LogKeys
import PlaneProtocol
import PlaneService

/// What operators do in the containers of this drone. Beginning and end of each are logged with who asked for it. The command line is logged as far as it is
/// not too long, so secrets belong on standard input.
actor ExecSessions {
    /// How many may run at the same time on one drone. Each is a connection to the engine, with buffers of up to a megabyte.
    static let limit = 32
    /// How many characters of a command line are logged.
    private static let mostLogged = 1000

    private let drone: DroneID
    private let cluster: ClusterName
    private let pool: PoolName
    private let store: DroneStore
    /// Nil if the drone's configuration forbids all of this.
    private let access: (any EngineAccess)?
    private let freezeWatch: FreezeWatch
    private let time: AgentTime
    private let logger: Logger
    private var sessions: [ExecID: ExecSession] = [:]
    private let launches: AsyncStream<(ExecSession, ContainerHandle)>
    private let launch: AsyncStream<(ExecSession, ContainerHandle)>.Continuation

    init(_ settings: DroneAgent.Options, store: DroneStore, access: (any EngineAccess)?, freezeWatch: FreezeWatch, time: AgentTime, logger: Logger) {
        self.drone = settings.drone
        self.cluster = settings.cluster
        self.pool = settings.pool
        self.store = store
        self.access = access
        self.freezeWatch = freezeWatch
        self.time = time
        self.logger = logger
        (self.launches, self.launch) = AsyncStream.makeStream()
    }

    /// Runs until cancelled; programs that still run then are left to the engine.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await (session, container) in self.launches {
                group.addTask { await self.carryOut(session, in: container) }
            }
            group.cancelAll()
        }
    }

    private func carryOut(_ session: ExecSession, in container: ContainerHandle) async {
        guard let access else { return }
        let start = self.time.uptime()
        self.freezeWatch.beginUse(of: session.request.backend)
        defer { self.freezeWatch.endUse(of: session.request.backend) }
        await session.run(access, in: container) { end in
            var metadata = Self.metadata(session.request)
            metadata[LogKey.duration] = "\((self.time.uptime() - start) / .milliseconds(1))"
            switch end {
            case .exited(let code): metadata[LogKey.exitCode] = "\(code)"
            case .failed(let text): metadata[LogKey.error] = "\(text)"
            }
            self.logger.notice("an operator's work in a backend has ended", metadata: metadata)
        }
        self.sessions[session.request.exec] = nil
    }

    // MARK: Requests

    func begin(_ request: ExecRequest) async -> Result<UnitReply, ErrorReply> {
        if let known = self.sessions[request.exec] {
            guard known.request == request else { return .failure(ErrorReply(code: .badRequest, message: "exec: another request has this name")) }
            return await known.awaitBegin()
        }
        do throws(ErrorReply) {
            let backend = try await self.running(request.backend, cluster: request.cluster, drone: request.drone)
            // The same request may have come again while the table was read.
            if let known = self.sessions[request.exec] { return await known.awaitBegin() }
            guard self.sessions.count < Self.limit else {
                throw ErrorReply(code: .full, message: "the drone lets operators do \(Self.limit) things at once in its backends")
            }
            let session = ExecSession(request, time: self.time)
            self.sessions[request.exec] = session
            self.logger.notice("an operator's work in a backend begins", metadata: Self.metadata(request))
            self.launch.yield((session, backend.container))
            return await session.awaitBegin()
        } catch {
            var metadata = Self.metadata(request)
            metadata[LogKey.reason] = "\(error.message)"
            self.logger.notice("an operator's work in a backend is refused", metadata: metadata)
            return .failure(error)
        }
    }

    func input(_ input: ExecInput) async -> Result<ExecInputTaken, ErrorReply> {
        guard let session = self.sessions[input.exec] else { return .failure(Self.isUnknown) }
        return await session.take(input)
    }

    func output(_ request: ExecOutputRequest) async -> Result<ExecOutput, ErrorReply> {
        guard let session = self.sessions[request.exec] else { return .failure(Self.isUnknown) }
        return await session.output(after: request.after)
    }

    func describe(_ request: DescribeBackend) async -> Result<ScheduleRequest, ErrorReply> {
        do throws(ErrorReply) {
            let backend = try await self.backend(request.backend, cluster: request.cluster, drone: request.drone)
            self.logger.notice(
                "an operator is told what a backend was asked for with",
                metadata: [
                    LogKey.backend: "\(request.backend)", LogKey.requester: "\(request.requestedBy.map { BackendStatusDetail.requester($0) } ?? "unknown")",
                ])
            return .success(backend.spec.asScheduleRequest(pool: self.pool))
        } catch {
            return .failure(error)
        }
    }

    private static let isUnknown = ErrorReply(code: .badRequest, message: "exec: nothing of this name goes on here; it has ended, or the agent has begun anew")

    // MARK: Backends

    private func backend(_ id: BackendID, cluster: ClusterName, drone: DroneID) async throws(ErrorReply) -> StoredBackend {
        guard self.access != nil else {
            throw ErrorReply(code: .notPermitted, message: "the drone lets nobody into its backends (agent.exec)")
        }
        guard cluster == self.cluster, drone == self.drone else { throw ErrorReply(code: .badRequest, message: "it is for another drone") }
        let found: StoredBackend?
        do throws(StoreError) {
            found = try await self.store.backend(id)
        } catch {
            self.logger.error("the backend of an operator's request cannot be read", metadata: [LogKey.backend: "\(id)", LogKey.error: "\(error)"])
            throw ErrorReply(code: .unavailable, message: "the drone could not read its table of backends")
        }
        guard let found else { throw ErrorReply(code: .badRequest, message: "the drone has no backend \(id)") }
        return found
    }

    private func running(_ id: BackendID, cluster: ClusterName, drone: DroneID) async throws(ErrorReply) -> StoredBackend {
        let found = try await self.backend(id, cluster: cluster, drone: drone)
        switch found.state {
        case .starting, .ready: return found
        case .loading: throw ErrorReply(code: .unavailable, message: "the backend does not run yet: it is Loading")
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .exited, .swept, .lost, .terminated:
            throw ErrorReply(code: .badRequest, message: "the backend has ended: it is \(found.state)")
        }
    }

    private static func metadata(_ request: ExecRequest) -> Logger.Metadata {
        let work =
            switch request.work {
            case .run(let program): program.command.joined(separator: " ")
            case .copyFrom(let path): "copy from \(path)"
            case .copyTo(let path): "copy to \(path)"
            }
        return [
            LogKey.backend: "\(request.backend)", LogKey.exec: "\(request.exec)", LogKey.command: "\(work.prefix(Self.mostLogged))",
            LogKey.requester: "\(request.requestedBy.map { BackendStatusDetail.requester($0) } ?? "unknown")",
        ]
    }
}
