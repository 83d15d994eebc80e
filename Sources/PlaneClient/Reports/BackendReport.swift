package import NetworkAddresses
package import PlaneProtocol
import PlaneService
import PlaneState

/// Everything that is known of one backend: what happened to it, where it runs, and why it is in its state.
package struct BackendReport: Hashable, Sendable {
    package var backend: BackendID
    package var cluster: ClusterName
    /// Nil where the state no longer knows the backend, or never did.
    package var drone: DroneID?
    /// When the drone last reported, and its state then.
    package var droneSeen: StateTime?
    package var droneState: DroneState?
    /// Where its drone takes what the tier passes on; nil where it takes nothing from a tier.
    package var tierAddress: SocketEndpoint?
    package var lock: LockName?
    /// Whether the backend holds its lock now.
    package var holdsLock = false
    /// When this was collected; nil where it does not matter.
    package var collectedAt: StateTime?
    /// Every state that was reported, in order.
    package var states: [BackendStateMessage] = []
    /// The newest lines that the backend printed, oldest first.
    package var lastLines: [LogEntry] = []

    package init(backend: BackendID, cluster: ClusterName) {
        self.backend = backend
        self.cluster = cluster
    }

    /// The state that counts: the terminal one if there is one, otherwise the last.
    package var outcome: BackendStateMessage? { self.states.first(where: \.state.isTerminal) ?? self.states.last }

    /// The phases as the most complete of all reports has them.
    package var phases: SpawnPhases? {
        self.states.compactMap(\.detail?.phases).max { $0.reachedCount < $1.reachedCount }
    }

    package var diagnosis: Diagnosis? {
        self.outcome.map { Diagnosis($0, wasReady: self.states.contains { $0.state == .ready }) }
    }
}

extension BackendReport {
    /// Why it is in its state, in some sentences. Where its drone is silent, nobody knows whether that still holds.
    package var explanation: String? {
        guard let sentence = self.diagnosis?.sentence else { return nil }
        guard let silence = self.droneSilence else { return sentence }
        return "Its drone has not been heard of \(silence). What was told last, and may not hold any more: \(sentence)"
    }

    /// For how long the drone that runs it has been silent, in words; nil if it was heard of lately, or if the backend has ended.
    package var droneSilence: String? {
        guard let collectedAt, self.drone != nil, let outcome, !outcome.state.isTerminal else { return nil }
        guard let seen = self.droneSeen else { return "at all" }
        let silence = collectedAt.since(seen)
        return silence > Placement.livenessWindow ? "for \(silence.brief)" : nil
    }
}

extension SpawnPhases {
    fileprivate var reachedCount: Int {
        [self.scheduled, self.accepted, self.pulled, self.created, self.started, self.ready].count { $0 != nil }
    }
}

extension PlaneClient {
    /// Collects what is known of a backend, from its history, the state and its log.
    /// - Parameter logEntries: how many of the newest entries of its log are included.
    package func report(of backend: BackendID, logEntries: Int) async throws(PlaneError) -> BackendReport {
        var states: [BackendStateMessage] = []
        for try await message in try await self.history(of: backend, follows: false) { states.append(message) }
        let fleet = try await self.readState()
        guard let cluster = states.last?.cluster ?? fleet.clusterNames.first(where: { fleet.backend(backend, in: $0) != nil }) else {
            throw .unknownBackend(backend, nil)
        }
        var report = BackendReport(backend: backend, cluster: cluster)
        report.states = states.isEmpty ? try await self.keptHistory(of: backend, in: cluster).messages : states
        if let view = fleet.backend(backend, in: cluster) {
            report.drone = view.drone
            report.lock = view.lock
            report.holdsLock = view.lock.map { fleet.lock($0, in: cluster) == .held(by: backend) } ?? false
            let drone = view.drone.flatMap { fleet.drone($0, in: cluster) }
            report.droneState = drone?.state
            report.droneSeen = drone?.lastSeen
            report.tierAddress = drone?.metadata.flatMap { metadata in
                metadata.abilities.innerPort.map { SocketEndpoint(ip: metadata.ip, port: $0) }
            }
        }
        report.lastLines = try await self.lastLogEntries(logEntries, of: backend)
        report.collectedAt = .now()
        return report
    }
}
