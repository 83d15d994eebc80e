import DockerEngine
package import DroneStore
import Logging
package import PlaneProtocol
import LogKeys
import PlaneService
import Synchronization
import Timing

/// Runs one backend: feeds its machine with what happens, and does what the machine says. One task, `run()`, for as long as the backend
/// or anything of it exists on this drone.
///
/// States are stored before anything follows from them, in this task, one after the other. Calls to the engine run beside it and post
/// their results to the mailbox. Cancelling `run()` leaves the container as it is: the next agent finds it by the table.
package final class BackendSupervisor: Sendable {
    package let request: SpawnRequest
    package var backend: BackendID { self.request.backendID }

    private let origin: BackendMachine.Origin
    private let acceptedAt: Int64?
    /// When its lifetime is over, in Unix time (seconds); nil without a limit.
    private let lifetimeEnd: Int64?
    let context: BackendContext
    private let mailbox = Mailbox<BackendEvent>()
    private let work = CancellableTask()
    private let logs: LogPump
    private let logFollowing = CancellableTask()
    private let holding = CancellableTask()
    private let runs = Mutex(false)
    /// Who asked for the backend's end; the first one counts.
    private let requester = Mutex<String?>(nil)
    /// The handle of its container, without an id until the container was made or recovered.
    private let container: Mutex<ContainerHandle>
    /// The end that has begun, as the table has it. The first one that was stored counts.
    private let ending: Mutex<BackendEndingRecord?>
    let logger: Logger

    /// - Parameters:
    ///   - acceptedAt: when the request was received, in Unix time (microseconds), if known.
    ///   - lifetimeEnd: Unix time in seconds; nil without a limit.
    ///   - ending: what the table says of an end that has begun.
    ///   - container: what the table says of the container; nil if nothing.
    package init(
        _ request: SpawnRequest, from origin: BackendMachine.Origin, acceptedAt: Int64?, lifetimeEnd: Int64? = nil, logsAfter cursor: WireTime? = nil,
        ending: BackendEndingRecord? = nil, container: ContainerHandle? = nil, in context: BackendContext
    ) {
        self.request = request
        self.container = Mutex(container ?? ContainerHandle(of: request.backendID))
        self.ending = Mutex(ending)
        self.origin = origin
        self.acceptedAt = acceptedAt
        self.lifetimeEnd = lifetimeEnd
        self.context = context
        var logger = context.logger
        logger[metadataKey: LogKey.backend] = "\(request.backendID)"
        self.logger = logger
        self.logs = LogPump(
            of: request.backendID, from: context.output.feeds, after: cursor, cursors: context.output.cursors,
            allowance: context.limits.logLinesPerSecond.map { LogAllowance(linesPerSecond: $0) }, uptime: context.time.uptime,
            publish: context.output.publish, logger: logger)
    }

    /// Whether the container's process should be running.
    package var isRunning: Bool { self.runs.withLock { $0 } }

    /// The handle of the container, as far as it is known.
    package var containerHandle: ContainerHandle { self.container.withLock { $0 } }

    /// Called when something may have happened to the container; it will be inspected.
    package func exitHint() { self.mailbox.post(.exitHint) }

    /// Ends the backend. Returns when it is stored that its end has begun; the container may run on until its grace time is over.
    /// - Parameter kind: a hard end kills the container at once, even if a soft end has begun.
    package func terminate(_ kind: BackendEnding.Kind = .soft, requestedBy requester: String? = nil) async {
        self.requester.withLock { $0 = $0 ?? requester }
        await self.mailbox.deliver(.terminate(kind))
    }

    /// Runs the backend. Returns when nothing of it is left, or when the task is cancelled.
    package func run() async {
        var machine = BackendMachine(
            self.origin, pullPolicy: self.request.executable.pullPolicy,
            port: self.request.executable.port ?? DockerExecutableConfig.defaultPort)
        var phases = PhaseTimer(acceptedAt: self.acceptedAt)
        if case .admitted = self.origin { phases.pass(\.accepted, at: self.context.time.now()) }
        self.mailbox.post(.begin)
        await withDiscardingTaskGroup { group in
            if let lifetimeEnd = self.lifetimeEnd { group.addTask { await self.watchLifetime(until: lifetimeEnd) } }
            await self.mailbox.receive { event in
                self.note(event, in: &phases)
                let actions = machine.handle(event)
                self.runs.withLock { $0 = machine.isRunning }
                for action in actions {
                    guard await self.perform(action, phases: phases, in: &group) else { return false }
                }
                return true
            }
            group.cancelAll()
        }
    }

    private func note(_ event: BackendEvent, in phases: inout PhaseTimer) {
        switch event {
        case .pulled: phases.pass(\.pulled, at: self.context.time.now())
        case .created: phases.pass(\.created, at: self.context.time.now())
        case .started: phases.pass(\.started, at: self.context.time.now())
        case .answered: phases.pass(\.ready, at: self.context.time.now())
        case .begin, .pullFailed, .createFailed, .startFailed, .discarded, .exitHint, .inspected, .unanswered, .wentIdle, .lifetimeOver, .terminate, .stopped,
            .logsDrained,
            .removed:
            break
        }
    }

    /// - Returns: `false` after the last action of a backend's life.
    private func perform(_ action: BackendMachine.Action, phases: PhaseTimer, in group: inout DiscardingTaskGroup) async -> Bool {
        switch action {
        case .pull: group.addTask { await self.work.run { await self.pull() } }
        case .create(let plainly): group.addTask { await self.create(plainly: plainly) }
        case .start: group.addTask { await self.start() }
        case .discard: group.addTask { await self.discard() }
        case .inspect: group.addTask { await self.inspect() }
        case .probe(let address): group.addTask { await self.work.run { await self.probe(address) } }
        case .cancelWork: await self.work.cancel()
        case .record(let state, let address): await self.record(state, at: address, phases: phases)
        case .recordEnding(let outcome): await self.recordEnding(outcome)
        case .recordEnd(let outcome): await self.recordEnd(outcome, phases: phases)
        case .followLogs: group.addTask { await self.logFollowing.run { await self.logs.follow(self.containerHandle, sleep: self.context.time.sleep) } }
        case .watchIdle(let address):
            group.addTask { await self.watchIdle(address) }
            group.addTask { await self.holding.run { await self.watchTraffic() } }
        case .stop(let kind): group.addTask { await self.stop(kind) }
        case .drainLogs(let note): group.addTask { await self.drainLogs(note: note) }
        case .remove: group.addTask { await self.remove() }
        case .finish:
            self.logger.debug("nothing of the backend is left")
            return false
        }
        return true
    }
}

// MARK: - Calls to the engine

extension BackendSupervisor {
    private func pull() async {
        let executable = self.request.executable
        let context = self.context
        self.logger.info("pulling the image", metadata: [LogKey.image: "\(executable.image)"])
        let image = executable.image
        let tell: @Sendable (String) -> Void = { [backend] text in
            context.output.publish(BackendLogMessage(backendID: backend, kind: .meta, text: "Pulling \(image): \(text)"))
        }
        tell("asking the registry")
        let result = await withTimeLimit(context.limits.pull, sleep: context.time.sleep) { () async -> BackendEvent in
            do throws(BackendEngineError) {
                try await context.pulls.pull(image, credentials: executable.credentials, tell: tell) { (progress) async throws(BackendEngineError) in
                    try await context.engine.pull(image, credentials: executable.credentials, progress: progress)
                }
                tell("done")
                return .pulled
            } catch {
                return .pullFailed(error)
            }
        }
        self.mailbox.post(
            result ?? .pullFailed(BackendEngineError(.registry(.timedOut), "pull \(executable.image): not done after \(context.limits.pull)")))
    }

    private func create(plainly: Bool) async {
        do throws(BackendEngineError) {
            self.context.pass(.creating)
            let container = try await self.context.engine.create(self.request, plainly: plainly)
            self.container.withLock { $0 = container }
            // What runs already is known by its id alone, which must not be lost before the container is told what it is.
            if container.isParked {
                await self.retryStore { () async throws(StoreError) in try await self.context.store.setContainer(container, of: self.backend) }
            }
            self.context.pass(.created)
            self.mailbox.post(.created)
        } catch {
            self.mailbox.post(.createFailed(error))
        }
    }

    private func start() async {
        do throws(BackendEngineError) {
            self.context.pass(.starting)
            try await self.context.engine.start(self.containerHandle)
            self.context.pass(.started)
            self.mailbox.post(.started)
        } catch {
            self.mailbox.post(.startFailed(error))
        }
    }

    private func discard() async {
        self.logger.notice("the container could not be started and is made without a shortcut")
        await self.retry("remove the container") { () async throws(BackendEngineError) in
            try await self.context.engine.remove(self.containerHandle)
            self.container.withLock { $0 = ContainerHandle(of: self.backend) }
            self.mailbox.post(.discarded)
        }
    }

    /// How often a container is looked at that runs and has no address, and the pause between two looks.
    private static let addressLooks = 10
    private static let addressPause = Duration.milliseconds(100)

    private func inspect() async {
        // On a busy machine Docker 20.10 has said for a moment of a container that it runs, and no address.
        for look in 1...Self.addressLooks {
            var observation: ContainerObservation?
            await self.retry("inspect the container") { () async throws(BackendEngineError) in
                let container = try await self.recoverContainer()
                observation = try await self.context.engine.inspect(container)
            }
            guard let observation else { return }
            if observation == .running(nil), look < Self.addressLooks {
                guard (try? await self.context.time.sleep(Self.addressPause)) != nil else { return }
                continue
            }
            return self.mailbox.post(.inspected(observation))
        }
    }

    /// The container's handle. If it has no id, because an older agent stored none or the answer to the creation was lost, it is completed from what the
    /// engine knows, and stored for the next agent.
    private func recoverContainer() async throws(BackendEngineError) -> ContainerHandle {
        let known = self.containerHandle
        guard known.id == nil, let recovered = try await self.context.engine.recover(known) else { return known }
        self.container.withLock { $0 = recovered }
        do throws(StoreError) {
            try await self.context.store.setContainer(recovered, of: self.backend)
        } catch {
            // The handle is also stored with the next state; if that fails too, the next agent recovers it again.
            if !Task.isCancelled { self.logger.debug("the container's handle was not stored", metadata: [LogKey.error: "\(error)"]) }
        }
        return recovered
    }

    private func probe(_ address: ContainerAddress) async {
        let result = await self.context.probe(
            address, self.request.terms.readiness, self.request.terms.readiness.timeout?.duration ?? self.context.limits.ready)
        guard !Task.isCancelled else { return }
        switch result {
        case .answered:
            self.context.pass(.answered)
            self.mailbox.post(.answered)
        case .unanswered(let silence): self.mailbox.post(.unanswered(silence))
        }
    }

    private func stop(_ kind: BackendEnding.Kind) async {
        await self.holding.cancel()
        await self.retry("stop the container") { () async throws(BackendEngineError) in
            self.context.pass(.stopping)
            try await self.context.engine.stop(self.containerHandle, grace: self.context.limits.grace(kind))
            self.context.pass(.stopped)
            self.mailbox.post(.stopped)
        }
    }

    private func drainLogs(note: String?) async {
        await self.logFollowing.cancel()
        let drained: Void? = await withTimeLimit(self.context.limits.logDrain, sleep: self.context.time.sleep) { await self.logs.drain(self.containerHandle) }
        if drained == nil, !Task.isCancelled { self.logger.warning("the last lines of the backend's log were not to be had in time") }
        await self.logs.add(note: note)
        self.mailbox.post(.logsDrained)
    }

    private func remove() async {
        await self.retry("remove the container") { () async throws(BackendEngineError) in
            self.context.pass(.removing)
            try await self.context.engine.remove(self.containerHandle)
            self.context.pass(.removed)
            self.mailbox.post(.removed)
        }
    }

    /// Repeats a harmless call until the engine has carried it out, with growing pauses, so that an engine in trouble is not overloaded.
    func retry(_ attempt: String, _ call: () async throws(BackendEngineError) -> Void) async {
        for failures in 1... {
            do throws(BackendEngineError) {
                return try await call()
            } catch {
                guard !Task.isCancelled else { return }
                self.logger.warning("trying again", metadata: [LogKey.attempt: "\(attempt)", LogKey.error: "\(error)"])
            }
            guard (try? await self.context.time.sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }
}

// MARK: - The table

extension BackendSupervisor {
    private func record(_ state: BackendState, at address: ContainerAddress?, phases: PhaseTimer) async {
        // Stored before visitors are let in, so that the proxy watches the frames of the very first WebSocket.
        if state == .ready, self.holdLimit != nil { await self.beginFreezing() }
        let detail = phases.reported.map { BackendStatusDetail(phases: $0, start: self.startKind) }
        await self.store(
            BackendTransition(
                self.backend, to: state, at: self.context.time.now().seconds, route: address.map { self.route(to: $0) },
                container: self.containerHandle,
                report: self.context.report(state, of: self.backend, detail: detail)))
        guard state == .ready else { return }
        BackendMetrics.becameReady(phases.phases, start: self.startKind)
        let executable = self.request.executable
        self.context.estimates.note(phases.phases, of: executable.image, by: self.startKind, wasMissing: executable.pullPolicy != .always)
    }

    /// How its container was made.
    private var startKind: BackendStartKind {
        let container = self.containerHandle
        if container.isParked { return .parked }
        return container.sandbox == nil ? .cold : .sandbox
    }

    /// Records that the end has begun. If another end was begun before, that one counts and is reported.
    private func recordEnding(_ outcome: BackendOutcome) async {
        self.context.pass(.ending)
        let record = outcome.record(at: self.context.time.now(), requestedBy: self.requester.withLock { $0 })
        let stored = await self.retryStore { () async throws(StoreError) in
            try await self.context.store.beginEnding(of: self.backend, record) { self.report($0, $1) }
        }
        guard let stored = stored.flatMap({ $0 }) else { return }  // cancelled, or ended in the table by another way
        self.ending.withLock { $0 = stored }
        if stored.ending == record.ending { self.told(stored) }
    }

    private func report(_ state: BackendState, _ record: BackendEndingRecord) -> [UInt8] {
        self.context.report(
            state, of: self.backend, detail: BackendStatusDetail(requestedBy: record.requestedBy, ending: record.ending))
    }

    /// Called when the beginning of the end is in the table, and its report in the outbox.
    private func told(_ record: BackendEndingRecord) {
        self.context.pass(.endingStored)
        self.logger.info(
            "backend is being ended", metadata: [LogKey.state: "\(record.state.rawValue)", LogKey.reason: "\(record.ending.reason)"])
        self.context.reports.queued()
    }

    private func recordEnd(_ found: BackendOutcome, phases: PhaseTimer) async {
        let ending = self.ending.withLock { $0 }
        let outcome = ending.map { BackendOutcome($0) } ?? found
        let lines = outcome.mayHavePrinted ? await self.lastLines() : []
        var detail = outcome.detail(phases: phases.reported, lastLines: lines)
        if outcome.cause == .requested { detail.requestedBy = ending.map(\.requestedBy) ?? self.requester.withLock { $0 } }
        await self.store(
            BackendTransition(
                self.backend, to: outcome.state, at: self.context.time.now().seconds, exitCode: outcome.exitCode, container: self.containerHandle,
                report: self.context.report(outcome.state, of: self.backend, detail: detail)), outcome)
    }

    /// The last lines that the container printed, for the report of its end. An engine that does not answer must not delay the end.
    private func lastLines() async -> [String] {
        let (context, container) = (self.context, self.containerHandle)
        let lines = await withTimeLimit(context.limits.lastLines, sleep: context.time.sleep) { () async -> [String] in
            (try? await context.output.feeds.lastLines(of: container, count: LastLines.countLimit)) ?? []
        }
        return LastLines.fit(lines ?? [])
    }

    private func route(to address: ContainerAddress) -> BackendTransition.Route {
        BackendTransition.Route(address: "\(address)", bearerToken: self.request.bearerToken)
    }

    /// Repeats the write until it succeeds, since a state counts only once it is stored.
    ///
    /// - Parameter outcome: the outcome, if the transition is the end.
    private func store(_ transition: BackendTransition, _ outcome: BackendOutcome? = nil) async {
        self.context.pass(.recording)
        let isStored = await self.retryStore { () async throws(StoreError) in try await self.context.store.record(transition) }
        switch isStored {
        case true?:
            self.context.pass(.recorded)
            if let outcome {
                self.reportEnd(outcome)
            } else {
                self.logger.info("backend changed its state", metadata: [LogKey.state: "\(transition.state.rawValue)"])
            }
            self.told(transition.state)
        case false?:
            // The backend has just ended in another way (as by being idle while it was being terminated); that end counts.
            self.logger.debug("the backend has ended already", metadata: [LogKey.state: "\(transition.state)"])
        case nil:
            break  // cancelled: the next agent finds the backend as the table has it
        }
    }

    /// Logs an end with all that an operator needs to know of it.
    private func reportEnd(_ outcome: BackendOutcome) {
        var metadata: Logger.Metadata = [LogKey.state: "\(outcome.state.rawValue)", LogKey.image: "\(self.request.executable.image)"]
        if let cause = outcome.cause { metadata[LogKey.cause] = "\(cause.rawValue)" }
        if let code = outcome.exitCode { metadata[LogKey.exitCode] = "\(code)" }
        if let message = outcome.message { metadata[LogKey.error] = "\(message)" }
        self.logger.log(level: outcome.isTrouble ? .warning : .info, "backend has ended", metadata: metadata)
    }

    /// Called when the state is in the table, and its report in the outbox.
    private func told(_ state: BackendState) {
        if state.isTerminal { BackendMetrics.ended(state) }
        self.context.reports.queued()
    }

    /// Records the beginning of the backend's end once it is idle. While the database gives an error, the backend runs on.
    private func watchIdle(_ address: ContainerAddress) async {
        let route = self.route(to: address)
        var mustWriteRoute = true
        var clock = ClockWatch(wallSeconds: self.context.time.now().seconds, uptime: self.context.time.uptime())
        while !Task.isCancelled {
            if mustWriteRoute {
                let now = self.context.time.now().seconds
                await self.retryStore { () async throws(StoreError) in
                    try await self.context.store.ensureRoute(of: self.backend, route, at: now)
                }
                mustWriteRoute = false
            }
            let now = self.context.time.now().seconds
            if clock.wasSet(wallSeconds: now, uptime: self.context.time.uptime()) { await self.restartIdleTime(at: now) }
            let record = BackendOutcome(.swept, .idle).record(at: self.context.time.now(), requestedBy: nil)
            let verdict = await self.retryStore { () async throws(StoreError) in
                try await self.context.store.endIfIdle(
                    self.backend, idleLimit: self.idleLimit, at: now, record, report: self.report(.ready, record))
            }
            switch verdict {
            case .idle:
                self.ending.withLock { $0 = record }
                self.told(record)
                return self.mailbox.post(.wentIdle)
            case .activeUntil(let deadline):
                let lastActive = deadline.subtractingReportingOverflow(Int64(clamping: self.idleLimit.rawValue)).partialValue
                if deadline != .max, ClockWatch.liesAhead(lastActive, of: now) {
                    await self.restartIdleTime(at: now)
                    continue
                }
                // The clock may be set, so the pause is an hour at most.
                let pause = Duration.seconds(min(max(deadline.subtractingReportingOverflow(now).partialValue, 1), 3600))
                guard (try? await self.context.time.sleep(pause)) != nil else { return }
            case .routeMissing:
                self.logger.warning("the backend's route was missing and is written again")
                mustWriteRoute = true
            case .notReady, nil:
                return  // ended by another way, or cancelled
            }
        }
    }

    /// The idle limit in seconds; the largest number where there is none. The route is watched in either case.
    private var idleLimit: WireSeconds { self.request.terms.hasNoIdleLimit ? WireSeconds(rawValue: .max) : self.request.maxIdle }

    /// Ends the backend when its lifetime is over. The rest of the lifetime is measured by a clock that cannot be set. If the wall clock is set, the moment
    /// in the table moves with it, because the next agent reads it there.
    private func watchLifetime(until end: Int64) async {
        var watch = ClockWatch(wallSeconds: self.context.time.now().seconds, uptime: self.context.time.uptime())
        let left = end.subtractingReportingOverflow(self.context.time.now().seconds).partialValue
        let deadline = self.context.time.uptime() + .seconds(max(0, left))
        while true {
            let remaining = deadline - self.context.time.uptime()
            guard remaining > .zero else { return self.mailbox.post(.lifetimeOver) }
            guard (try? await self.context.time.sleep(min(remaining, Self.lifetimeCheck))) != nil else { return }
            let now = self.context.time.now().seconds
            guard watch.wasSet(wallSeconds: now, uptime: self.context.time.uptime()) else { continue }
            let moved = now.addingReportingOverflow(max(0, (deadline - self.context.time.uptime()).components.seconds)).partialValue
            self.logger.notice("the machine's clock was set; the end of the backend's lifetime is moved with it")
            await self.retryStore { () async throws(StoreError) in
                try await self.context.store.setLifetimeEnd(moved, of: self.backend)
            }
        }
    }

    /// How often to check whether the clock was set.
    private static let lifetimeCheck = Duration.seconds(60)

    private func restartIdleTime(at now: Int64) async {
        self.logger.notice("the machine's clock was set; the backend's idle time begins anew")
        await self.retryStore { () async throws(StoreError) in
            try await self.context.store.restartIdleTime(of: self.backend, at: now)
        }
    }

    /// - Returns: nil when cancelled.
    @discardableResult
    func retryStore<Value>(_ call: () async throws(StoreError) -> Value) async -> Value? {
        for failures in 1... {
            do throws(StoreError) {
                return try await call()
            } catch {
                guard !Task.isCancelled else { return nil }
                self.logger.error("trying again", metadata: [LogKey.error: "\(error)"])
            }
            guard (try? await self.context.time.sleep(RetrySchedule.store.pause(after: failures))) != nil else { return nil }
        }
        return nil
    }
}
