import Logging
import LogKeys
import NATS
import PlaneMessaging
package import PlaneProtocol
import PlaneService
import PlaneState
import Timing

/// Handles schedule requests: carries out the actions of a `ScheduleMachine`, one machine for each request.
package struct ScheduleHandler: Sendable {
    /// Who asks, by its own account.
    private struct Application: Hashable {
        let cluster: ClusterName
        let requester: String
    }

    private let bus: PlaneBus
    private let fleet: StateStore
    private let writer: StateWriter
    private let tokenStore: BearerTokenStore
    private let limits: ScheduleLimits
    private let metrics: SchedulerMetrics
    private let lateRefusals: LateRefusalHandler
    private let ignored = IgnoredKeyLog<Application>()
    private let logger: Logger

    init(
        bus: PlaneBus, fleet: StateStore, writer: StateWriter, tokenStore: BearerTokenStore, limits: ScheduleLimits = ScheduleLimits(),
        metrics: SchedulerMetrics, lateRefusals: LateRefusalHandler = LateRefusalHandler(), logger: Logger
    ) {
        self.lateRefusals = lateRefusals
        self.bus = bus
        self.fleet = fleet
        self.writer = writer
        self.tokenStore = tokenStore
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
    }

    /// Answers every request within `ScheduleLimits`. The reason is what the last drone said, for the header of an answer that has no place for it.
    package func handle(_ request: ScheduleRequest) async -> (reply: ScheduleReply, reason: ErrorReply?) {
        let started = ContinuousClock.now
        guard self.fleet.isCurrent else {
            return (self.refuse(request, .isBehind(self.fleet.staleReason), since: started), nil)
        }
        if request.lock != nil, await !self.fleet.waitUntilRebuilt(within: self.limits.lockWait) {
            return (self.refuse(request, .isRebuilding, since: started), nil)
        }
        var generator = SystemRandomNumberGenerator()
        var machine = ScheduleMachine(
            request, backend: .random(using: &generator), bearerToken: BearerToken.random(using: &generator),
            uid: .random(using: &generator), limits: self.limits)
        // Of a cluster without drones nothing is written, not even that its lock is asked for: whoever may ask could make up clusters and locks without end.
        let lockView = request.lock.map { self.fleet.lockView(of: $0, in: request.cluster) }
        if case .free? = lockView, !self.fleet.ask({ $0.hasDrones(in: request.cluster) }) {
            let reason = self.fleet.whyNoDrone(for: request, now: .now())
            self.report(.noDroneAvailable, request, machine.backend, reason, took: .now - started)
            return (.noDroneAvailable, reason)
        }
        var choice = DroneChoice(fleet: self.fleet, for: request)
        var call: SpawnCall?

        var action = machine.begin(
            isKnown: self.fleet.ask { $0.backend(machine.backend, in: request.cluster) != nil },
            lockView: lockView)
        while true {
            switch action {
            case .announce(let message, let expected):
                let outcome = await self.write(.lock(message), in: request.cluster, expecting: expected)
                if outcome == .conflict { await self.notice(purgeOf: message, in: request.cluster, expected) }
                action = machine.announced(outcome)
            case .awaitEcho(let sequence):
                action = machine.echoed(await self.echo(of: sequence, lock: request.lock, in: request.cluster))
            case .awaitLock(let lock, let lockView):
                action = machine.lockChanged(
                    await self.fleet.waitUntil(
                        lock: lock, in: request.cluster, differsFrom: lockView, within: self.limits.lockWait - (.now - started)))
            case .chooseDrone(let excluded):
                let drone = started + self.limits.total > .now ? choice.next(excluding: excluded) : nil
                action = machine.chosen(
                    drone, fencingToken: request.key.map { self.fleet.nextFencingToken(of: $0.lock, in: request.cluster, now: .now()) })
            case .assign(let assignment, let expected):
                let outcome = await self.assign(assignment, to: machine.backend, in: request.cluster, expecting: expected)
                choice.note(outcome)
                action = machine.assigned(outcome)
            case .assignAndAsk(let assignment, let spawn):
                async let outcome = self.assign(assignment, to: machine.backend, in: request.cluster, expecting: nil)
                let answer = await self.ask(spawn, &call, since: started)
                choice.note(await outcome)
                action = machine.assignedAndAnswered(await outcome, answer)
            case .ask(let spawn):
                action = machine.answered(await self.ask(spawn, &call, since: started))
            case .finish(let reply, let cleanup):
                choice.finish(reply)
                await self.carryOut(cleanup, backend: machine.backend, cluster: request.cluster)
                if cleanup.terminate, !cleanup.markLost, let call { self.listen(to: call) }
                let reply = self.completed(await self.withToken(reply, in: request.cluster), for: request, call)
                let reason = machine.refusal ?? (reply == .noDroneAvailable ? self.fleet.whyNoDrone(for: request, now: .now()) : nil)
                self.report(reply, request, machine.backend, reason, took: .now - started)
                return (reply, reason)
            }
        }
    }

    // MARK: Actions

    private func assign(
        _ assignment: BackendAssignment, to backend: BackendID, in cluster: ClusterName, expecting expected: UInt64?
    ) async -> WriteOutcome {
        let visible: BackendAssignment
        do {
            visible = try await self.tokenStore.putAway(assignment, of: backend, in: cluster, isFirst: expected == 0)
        } catch {
            guard error.code != .wrongLastSequence else { return .conflict }
            self.logger.error(
                "the backend's token cannot be put away",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.backend: "\(backend)", LogKey.error: "\(error)"])
            return .failed(error.reason)
        }
        return await self.write(.backend(BackendMessage(backend: backend, change: .assignment(visible))), in: cluster, expecting: expected)
    }

    /// Adds the token of the backend that holds the lock. The token may be in `plane_secrets` and not in the state.
    private func withToken(_ reply: ScheduleReply, in cluster: ClusterName) async -> ScheduleReply {
        guard case .scheduled(var backend) = reply, !backend.spawned, backend.bearerToken == nil else { return reply }
        guard self.fleet.ask({ $0.backend(backend.backendID, in: cluster)?.hasHiddenToken == true }) else { return reply }
        do {
            // The token is written before the assignment, so it is missing only if an operator has purged it.
            guard let token = try await self.tokenStore.token(of: backend.backendID, in: cluster) else { return .error(.hasNoToken) }
            backend.bearerToken = token
            return .scheduled(backend)
        } catch {
            self.logger.error(
                "the backend's token cannot be read",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.backend: "\(backend.backendID)", LogKey.error: "\(error)"])
            return .error(.hasNoToken)
        }
    }

    /// Adds what the application needs beside the backend's name: its address, which keys of the request meant nothing, and when the drone asked
    /// last expects it to be ready.
    private func completed(_ reply: ScheduleReply, for request: ScheduleRequest, _ call: SpawnCall?) -> ScheduleReply {
        guard case .scheduled(var backend) = reply else { return reply }
        backend.url = self.fleet.url(of: backend.backendID, on: backend.drone, in: request.cluster)
        backend.ignoredKeys = request.ignoredKeys
        if backend.spawned, let call, call.spawn.droneID == backend.drone { backend.readyInMilliseconds = call.estimateInMilliseconds }
        return .scheduled(backend)
    }

    private func write(_ change: ClusterStateMessage, in cluster: ClusterName, expecting expected: UInt64? = nil) async -> WriteOutcome {
        let message = StateMessage.cluster(cluster, change)
        do {
            return .stored(try await self.writer.write(message, expecting: expected))
        } catch {
            guard error.code != .wrongLastSequence else { return .conflict }
            self.logger.error(
                "the state of the fleet cannot be written", metadata: [LogKey.subject: "\(message.subject)", LogKey.error: "\(error)"])
            return .failed(error.reason)
        }
    }

    /// After a conflict, checks whether the expected announcement was purged and no other one was written.
    private func notice(purgeOf message: LockMessage, in cluster: ClusterName, _ expected: UInt64) async {
        guard expected > 0 else { return }
        do {
            let subject = StateMessage.cluster(cluster, .lock(message)).subject
            let last = try await self.bus.connection.jetStream.lastMessage(stream: SchedulerStreams.planeState, subject: subject)
            if last == nil { self.fleet.forget(.lock(message.lock, cluster, sequence: expected)) }
        } catch {
            // The request then waits for the lock, and is answered at the end of that wait.
            self.logger.debug("the lock's announcement cannot be read", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func echo(of sequence: UInt64, lock: LockName?, in cluster: ClusterName) async -> LockView? {
        guard let lock, await self.fleet.waitUntil(sequence: sequence, within: self.limits.stateEcho) else { return nil }
        return self.fleet.lockView(of: lock, in: cluster)
    }

    /// - Parameter call: the request to the drone asked last in this request; replaced when another drone is asked.
    private func ask(_ spawn: SpawnRequest, _ call: inout SpawnCall?, since started: ContinuousClock.Instant) async -> SpawnAnswer {
        let current: SpawnCall
        if let call, call.spawn == spawn {
            current = call
        } else {
            current = SpawnCall(spawn, bus: self.bus, timeLimit: self.limits.lateAnswer)
            call = current
        }
        let left = self.limits.answer - (.now - started)
        let answer = await current.ask(within: min(self.limits.spawnAnswer, left), atMost: left)
        guard let problem = answer.problem else { return answer }
        self.logger.warning(
            "drone does not take the backend",
            metadata: [
                LogKey.cluster: "\(spawn.cluster)", LogKey.drone: "\(spawn.droneID)", LogKey.backend: "\(spawn.backendID)",
                LogKey.error: "\(problem)",
            ])
        return answer
    }

    /// Keeps waiting for the answer of a drone that has not answered in time: the backend keeps the lock because the drone may run it, and a late
    /// refusal frees the lock.
    private func listen(to call: SpawnCall) {
        let refusal = LateRefusalHandler.Refusal(
            backend: call.spawn.backendID, drone: call.spawn.droneID, cluster: call.spawn.cluster)
        call.whenRefused { [lateRefusals] in lateRefusals.add(refusal) }
    }

    private func carryOut(_ cleanup: ScheduleMachine.PendingCleanup, backend: BackendID, cluster: ClusterName) async {
        guard cleanup != .nothing else { return }
        await withDiscardingTaskGroup { group in
            if let revoke = cleanup.revoke {
                group.addTask { _ = await self.write(.lock(revoke), in: cluster) }
            }
            if cleanup.markLost {
                let end = BackendMessage(backend: backend, change: .state(.terminated, at: .now()))
                group.addTask { _ = await self.write(.backend(end), in: cluster) }
            }
            if cleanup.terminate {
                group.addTask { await Termination.request(backend, in: cluster, bus: self.bus, logger: self.logger) }
            }
        }
    }

    /// Answers with an error, which is counted and not logged: clients repeat such requests often, and the log has the reason once.
    private func refuse(_ request: ScheduleRequest, _ error: ErrorReply, since started: ContinuousClock.Instant) -> ScheduleReply {
        self.metrics.answered(.error(error), cluster: request.cluster, fleet: self.fleet, after: .now - started)
        return .error(error)
    }

    private func report(
        _ reply: ScheduleReply, _ request: ScheduleRequest, _ backend: BackendID, _ reason: ErrorReply?, took duration: Duration
    ) {
        let requester = BackendStatusDetail.requester(request.metadata[ScheduleRequest.requestedByKey] ?? "unknown")
        if self.ignored.isNews(request.ignoredKeys, of: Application(cluster: request.cluster, requester: requester)) {
            self.logger.notice(
                "keys of schedule requests mean nothing here, and are ignored",
                metadata: [
                    LogKey.cluster: "\(request.cluster)", LogKey.keys: "\(request.ignoredKeys.joined(separator: ", "))",
                    LogKey.requester: "\(requester)",
                ])
        }
        self.metrics.answered(reply, cluster: request.cluster, fleet: self.fleet, after: duration)
        var metadata: Logger.Metadata = [LogKey.cluster: "\(request.cluster)", LogKey.duration: "\(duration.wholeMilliseconds)"]
        switch reply {
        case .scheduled(let scheduled):
            metadata[LogKey.backend] = "\(scheduled.backendID)"
            metadata[LogKey.drone] = "\(scheduled.drone)"
            self.logger.info(scheduled.spawned ? "backend scheduled" : "lock is held, its backend was returned", metadata: metadata)
        case .noDroneAvailable:
            metadata[LogKey.reason] = "\(reason?.message ?? "unknown")"
            self.logger.warning("no drone available", metadata: metadata)
        case .error(let error):
            metadata[LogKey.backend] = "\(backend)"
            metadata[LogKey.error] = "\(error)"
            self.logger.warning("schedule request failed", metadata: metadata)
        }
    }
}
