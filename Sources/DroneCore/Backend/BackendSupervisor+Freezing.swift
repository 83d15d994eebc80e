import DroneStore
import LogKeys
import Logging
import PlaneProtocol
import Timing

/// Freezes the backend's container while there is no traffic, and thaws it when somebody wants the backend. Its state stays `Ready`.
///
/// The table says `frozen` before the container is frozen, and `awake` after it was thawed. Meanwhile the proxy holds new requests and answers pings; the
/// kernel keeps the connections that are open.
///
/// An agent that stops thaws what it has frozen, because nobody else would: open connections and new requests must be served without an agent, and the next
/// one may be of a version that freezes nothing. After an agent was killed, its containers are frozen until the next one runs.
extension BackendSupervisor {
    /// The pause after the engine has failed to freeze the container.
    private static let failurePause = Duration.seconds(60)
    /// The longest pause between two looks at the table, since the clock may be set.
    private static let longestPause: Int64 = 60
    /// While an operator's program runs in the container.
    private static let usePause = Duration.seconds(5)
    /// How long thawing may take when the agent stops.
    private static let farewellLimit = Duration.seconds(20)
    private static let lastThawPause = Duration.milliseconds(500)

    /// How long there is no traffic until the container is frozen; nil for never.
    var holdLimit: Duration? { self.request.terms.holdIdle?.duration ?? self.context.limits.holdIdle }

    /// Stores that the backend may be frozen.
    ///
    /// - Returns: Whether an agent before this one has left it frozen. Nil when cancelled.
    @discardableResult
    func beginFreezing() async -> Bool? {
        await self.retryStore { () async throws(StoreError) in
            try await self.context.store.beginFreezing(of: self.backend, at: self.context.time.now().seconds)
        }
    }

    /// Freezes and thaws the container until cancelled, or until the backend is not ready any more.
    func watchTraffic() async {
        guard let limit = self.holdLimit else { return await self.endFreezing() }
        guard let wasFrozen = await self.beginFreezing() else { return }
        let seconds = WireSeconds(rawValue: UInt64(clamping: limit.components.seconds))
        if wasFrozen { await self.keepFrozen(since: nil) }
        while !Task.isCancelled, let lastActive = await self.waitUntilQuiet(for: seconds) {
            await self.keepFrozen(since: lastActive)
        }
    }

    /// An agent before this one may have been told to freeze the backend, which this one is not.
    private func endFreezing() async {
        let hold = await self.retryStore { () async throws(StoreError) in try await self.context.store.currentHold(of: self.backend) }
        guard let hold, hold != .never else { return }
        if hold == .frozen {
            await self.thaw()
            await self.reportHeld(false)
        }
        // The row is deleted last: an agent that is killed before that leaves it to the next one.
        guard !Task.isCancelled else { return }
        await self.retryStore { () async throws(StoreError) in try await self.context.store.endFreezing(of: self.backend) }
    }

    /// Returns when there was no traffic for so long; the table says then that the container is frozen.
    ///
    /// - Returns: When the proxy last wrote activity, in Unix time (seconds). Nil when cancelled, or when the backend is not ready any more.
    private func waitUntilQuiet(for limit: WireSeconds) async -> Int64? {
        while !Task.isCancelled {
            var pause = Self.usePause
            if !self.context.freezeWatch.isInUse(self.backend) {
                let now = self.context.time.now().seconds
                let verdict = await self.retryStore { () async throws(StoreError) in
                    try await self.context.store.freezeIfQuiet(self.backend, limit: limit, at: now)
                }
                switch verdict {
                case .quiet(let lastActive)?: return lastActive
                case .activeUntil(let deadline)?:
                    pause = .seconds(min(max(deadline.subtractingReportingOverflow(now).partialValue, 1), Self.longestPause))
                case .notReady?, nil: return nil
                }
            }
            guard (try? await self.context.time.sleep(pause)) != nil else { return nil }
        }
        return nil
    }

    /// Freezes the container, and thaws it when somebody wants the backend or the task is cancelled.
    private func keepFrozen(since lastActive: Int64?) async {
        do throws(BackendEngineError) {
            try await self.context.engine.freeze(self.containerHandle)
        } catch {
            // It may be frozen all the same.
            await self.thaw()
            guard !Task.isCancelled else { return }
            self.logger.warning("the container could not be frozen", metadata: [LogKey.error: "\(error)"])
            try? await self.context.time.sleep(Self.failurePause)
            return
        }
        BackendMetrics.heldChanged(by: 1)
        await self.reportHeld(true)
        await self.context.engine.pageOut(self.containerHandle)
        await self.context.freezeWatch.waitUntilWanted(self.backend, lastActive: lastActive)
        let began = self.context.time.uptime()
        await self.thaw()
        BackendMetrics.heldChanged(by: -1)
        if !Task.isCancelled { BackendMetrics.thawed(after: self.context.time.uptime() - began) }
        await self.reportHeld(false)
    }

    /// Thaws the container, and then says so in the table. If the task is cancelled, because the backend is being ended or the agent stops, this is done all
    /// the same, as far as it is possible within seconds.
    private func thaw() async {
        if !Task.isCancelled {
            await self.retry("thaw the container") { () async throws(BackendEngineError) in try await self.context.engine.thaw(self.containerHandle) }
            await self.retryStore { () async throws(StoreError) in
                try await self.context.store.noteThawed(self.backend, at: self.context.time.now().seconds)
            }
        }
        guard Task.isCancelled else { return }
        // A task of its own is not cancelled with this one, which waits for it.
        await Task {
            let isDone: Bool? = await withTimeLimit(Self.farewellLimit, sleep: self.context.time.sleep) { () async -> Bool in
                while !Task.isCancelled {
                    do {
                        try await self.context.engine.thaw(self.containerHandle)
                        try await self.context.store.noteThawed(self.backend, at: self.context.time.now().seconds)
                        return true
                    } catch {
                        self.logger.warning("trying again to thaw the container before the end", metadata: [LogKey.error: "\(error)"])
                        try? await self.context.time.sleep(Self.lastThawPause)
                    }
                }
                return false
            }
            if isDone != true { self.logger.warning("the container stays frozen until the next agent runs: it could not be thawed in time") }
        }.value
    }

    private func reportHeld(_ isHeld: Bool) async {
        self.logger.info(isHeld ? "the container is frozen, since there is no traffic" : "the container is thawed")
        let report = self.context.report(.ready, of: self.backend, detail: BackendStatusDetail(isHeld: isHeld))
        let transition = BackendTransition(self.backend, to: .ready, at: self.context.time.now().seconds, report: report)
        // After an agent that stops, too, the last that is told must be true.
        let isStored = await Task { () -> Bool in
            do {
                return try await self.context.store.recordHold(transition)
            } catch {
                self.logger.warning("a report could not be stored, and is not sent", metadata: [LogKey.error: "\(error)"])
                return false
            }
        }.value
        if isStored { self.context.reports.queued() }
    }
}
