import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import SchedulerCoreConfiguration

/// Asks drones what they run, and brings the state of the fleet into line with the answers: the drone is the truth.
///
/// Backends that the state does not know are written to it. The drone is told to stop backends that have ended in the state, and those whose
/// lock meanwhile belongs to another backend.
///
/// A drone is believed only about itself. A backend assigned to another drone moves when that one is lost or says that it does not have it. Where
/// NATS permissions tell drones apart, an unknown backend is believed in only while the stream `plane_state` is young.
struct InventoryCollector: Sendable {
    let bus: PlaneBus
    let fleet: StateStore
    let writer: StateWriter
    let configuration: SchedulerConfiguration
    let logger: Logger

    /// The stream counts as young for this long at least: until silent drones are marked `Lost`. A drone that comes back later is told to stop
    /// its backends anyway.
    private static let shortestYouth: Duration = .seconds(300)

    /// Time within which an agent has to answer. It reads its database, which takes milliseconds.
    private static let answerLimit: Duration = .seconds(3)
    /// Writes to the stream, and requests to stop, that run at the same time.
    private static let maxConcurrent = 64
    /// Most parts of an answer, most backends in it, and bytes of what is said of them. No drone runs as many; of one that claims more, nothing is believed.
    private static let mostParts = 100
    static let mostBackends = mostParts * RollCall.entriesAtOnce
    private static let mostBytes = 16 << 20

    enum Outcome: Sendable {
        /// The state agrees with the drone, except for these backends, which are assigned to it and which it does not run.
        case agreed(missing: Set<BackendID>)
        /// Nobody answers: the agent is one of 0.3.24, or there is none.
        case nobody
        case failed
    }

    func call(_ drone: DroneID, in cluster: ClusterName) async -> Outcome {
        let before = self.fleet.ask { $0.liveBackends(of: drone, in: cluster) }
        let answer: RollCall
        do {
            answer = try await self.ask(drone, in: cluster)
        } catch {
            if case .transport(let cause) = error, cause.code == .noResponders { return .nobody }
            self.logger.warning(
                "drone does not tell what it runs",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.error: "\(error)"])
            return .failed
        }
        guard await self.adopt(answer, of: drone, in: cluster) else { return .failed }
        let after = self.fleet.ask { $0.liveBackends(of: drone, in: cluster) }
        return .agreed(missing: before.intersection(after).subtracting(answer.backends.map(\.backend)))
    }

    /// Asks for all parts of the answer and joins them.
    private func ask(_ drone: DroneID, in cluster: ClusterName) async throws(BusRequestError) -> RollCall {
        var all = try await self.bus.request(RollCallRequest(cluster: cluster, drone: drone), timeout: Self.answerLimit)
        var bytes = all.backends.reduce(0) { $0 + $1.textBytes }
        for _ in 1..<Self.mostParts where !all.isComplete {
            let request = RollCallRequest(cluster: cluster, drone: drone, after: all.backends.last?.backend)
            let part = try await self.bus.request(request, timeout: Self.answerLimit)
            bytes += part.backends.reduce(0) { $0 + $1.textBytes }
            guard all.backends.count + part.backends.count <= Self.mostBackends, bytes <= Self.mostBytes else {
                throw .unreadable(
                    MessageError(
                        path: [.key("backends")], expected: "at most \(Self.mostBackends) backends with \(Self.mostBytes) bytes together", found: "more"))
            }
            all.backends += part.backends
            all.isComplete = part.isComplete
        }
        return all
    }

    /// Writes what the drone runs. The drone's metadata come last, so that an unfinished adoption is found and repeated.
    private func adopt(_ answer: RollCall, of drone: DroneID, in cluster: ClusterName) async -> Bool {
        let findings = self.fleet.ask { fleet in
            answer.backends.map { InventoryFinding($0, of: drone, in: cluster, fleet: fleet) }
        }
        let formerDrones = await self.askFormerDrones(of: findings, in: cluster)
        self.reportClaims(findings, formerDrones, of: drone, in: cluster)
        let areAdopted = await withTaskGroup(of: Bool.self) { group in
            var areAdopted = true
            for (index, finding) in findings.enumerated() {
                if index >= Self.maxConcurrent { areAdopted = await group.next() ?? true && areAdopted }
                group.addTask { await self.carryOut(finding, formerDrones, drone: drone, cluster: cluster) }
            }
            return await group.reduce(areAdopted) { $0 && $1 }
        }
        let known = self.fleet.ask { $0.drone(drone, in: cluster)?.metadata }
        guard areAdopted else { return false }
        guard known == nil else { return true }
        return await self.write(.drone(DroneMessage(drone: drone, change: .metadata(answer.metadata))), in: cluster)
    }

    /// Logs the backends that are not the drone's, in two lines at most, since a stolen drone can claim any number of them again and again.
    private func reportClaims(_ findings: [InventoryFinding], _ formerDrones: [DroneID: PreviousDrone], of drone: DroneID, in cluster: ClusterName) {
        var (madeUp, foreign): ([BackendID], [BackendID]) = ([], [])
        for finding in findings {
            switch finding {
            case .unknown(let entry) where !self.believesInUnknown: madeUp.append(entry.backend)
            case .isAssigned(let entry, let former) where formerDrones[former]?.releases(entry.backend) != true: foreign.append(entry.backend)
            case .agrees, .unknown, .isAssigned, .mustStop: continue
            }
        }
        for (claims, message) in [
            (madeUp, "drone claims backends that nobody gave it"), (foreign, "drone claims backends that are assigned to another"),
        ] as [([BackendID], Logger.Message)] {
            guard let first = claims.first else { continue }
            self.logger.warning(
                message,
                metadata: [
                    LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.backend: "\(first)", LogKey.count: "\(claims.count)",
                ])
        }
    }

    /// What the drone to which a claimed backend is assigned says when it is asked.
    private enum PreviousDrone: Sendable {
        /// The drone is marked `Lost`.
        case isLost
        case claims(Set<BackendID>)
        /// The drone does not answer, for whatever reason.
        case isSilent

        func releases(_ backend: BackendID) -> Bool {
            switch self {
            case .isLost: true
            case .claims(let claims): !claims.contains(backend)
            case .isSilent: false
            }
        }
    }

    private func askFormerDrones(of findings: [InventoryFinding], in cluster: ClusterName) async -> [DroneID: PreviousDrone] {
        var drones: Set<DroneID> = []
        for case .isAssigned(_, let drone) in findings { drones.insert(drone) }
        return await withTaskGroup(of: (DroneID, PreviousDrone).self) { group in
            var answers: [DroneID: PreviousDrone] = [:]
            for (index, drone) in drones.enumerated() {
                if index >= Self.maxConcurrent, let answer = await group.next() { answers[answer.0] = answer.1 }
                group.addTask { (drone, await self.formerDrone(drone, in: cluster)) }
            }
            for await (drone, answer) in group { answers[drone] = answer }
            return answers
        }
    }

    private func formerDrone(_ drone: DroneID, in cluster: ClusterName) async -> PreviousDrone {
        // A drone that the state no longer knows was marked `Lost` a month ago.
        let known = self.fleet.ask { $0.drone(drone, in: cluster) }
        guard let known, known.state != .lost else { return .isLost }
        do {
            return .claims(Set(try await self.ask(drone, in: cluster).backends.map(\.backend)))
        } catch {
            self.logger.debug(
                "drone does not tell what it runs",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.error: "\(error)"])
            return .isSilent
        }
    }

    /// Whether to take a backend into the state only because the drone says that it runs it.
    private var believesInUnknown: Bool {
        self.configuration.acceptsLegacyPeers
            || self.fleet.isYounger(than: max(self.configuration.lostAfter ?? .zero, Self.shortestYouth))
    }

    private func carryOut(
        _ finding: InventoryFinding, _ formerDrones: [DroneID: PreviousDrone], drone: DroneID, cluster: ClusterName
    ) async -> Bool {
        switch finding {
        case .agrees: return true
        case .unknown where !self.believesInUnknown: return true
        case .unknown(let entry):
            self.logger.notice(
                "backend was not known, and is now",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.backend: "\(entry.backend)"])
            let assignment = BackendAssignment(
                drone: drone, bearerToken: entry.bearerToken, lockAssignment: entry.lockAssignment, key: entry.believableKey,
                fencingToken: entry.believableFencingToken(now: .now()))
            guard let visible = await self.putAway(assignment, of: entry.backend, in: cluster) else { return false }
            let change = BackendMessage(backend: entry.backend, change: .assignment(visible))
            guard await self.write(.backend(change), in: cluster, once: true) else { return false }
            guard
                await self.write(
                    .backend(BackendMessage(backend: entry.backend, change: .state(entry.state, at: .now()))), in: cluster, once: true)
            else { return false }
            guard let ending = entry.ending else { return true }
            return await self.write(.backend(BackendMessage(backend: entry.backend, change: .ending(ending))), in: cluster, once: true)
        case .isAssigned(let entry, let former) where formerDrones[former]?.releases(entry.backend) != true: return true
        case .isAssigned(let entry, _):
            self.logger.notice(
                "backend runs on another drone than was known",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.backend: "\(entry.backend)"])
            let assignment = BackendAssignment(
                drone: drone, bearerToken: entry.bearerToken, lockAssignment: entry.lockAssignment,
                hasHiddenToken: self.fleet.ask { $0.backend(entry.backend, in: cluster)?.hasHiddenToken ?? false }, key: entry.believableKey,
                fencingToken: entry.believableFencingToken(now: .now()))
            return await self.write(.backend(BackendMessage(backend: entry.backend, change: .assignment(assignment))), in: cluster)
        case .mustStop(let backend):
            self.logger.warning(
                "backend lives on after its end, and is told to stop",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.backend: "\(backend)"])
            await Termination.request(backend, in: cluster, bus: self.bus, logger: self.logger)
            return true
        }
    }

    private func putAway(_ assignment: BackendAssignment, of backend: BackendID, in cluster: ClusterName) async -> BackendAssignment? {
        do {
            let tokenStore = BearerTokenStore(jetStream: self.bus.connection.jetStream, configuration: self.configuration)
            return try await tokenStore.putAway(assignment, of: backend, in: cluster)
        } catch {
            self.logger.warning(
                "the backend's token cannot be put away", metadata: [LogKey.backend: "\(backend)", LogKey.error: "\(error)"])
            return nil
        }
    }

    private func write(_ change: ClusterStateMessage, in cluster: ClusterName, once: Bool = false) async -> Bool {
        do {
            if once { try await self.writer.writeOnce(.cluster(cluster, change)) } else { try await self.writer.write(.cluster(cluster, change)) }
            return true
        } catch {
            self.logger.warning("the state of the fleet cannot be written", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }
}

extension RollCall.Entry {
    /// How long the texts are that say something of the backend.
    fileprivate var textBytes: Int {
        let lock = self.lockAssignment?.lock.rawValue.utf8.count ?? 0
        let key = self.key.map { $0.namespace.utf8.count + $0.name.utf8.count + $0.tag.utf8.count } ?? 0
        return self.backend.rawValue.utf8.count + (self.bearerToken?.exposed.utf8.count ?? 0) + lock + key
    }
}
