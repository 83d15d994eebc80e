package import PlaneProtocol

/// Chooses the drone for a new backend: of a few picked at random the one where it is ready first, or else the less loaded one.
///
/// A drone is fit if it has registered, says it is ready, was heard of less than 30 s ago, and has room. Every fit drone is on a list of candidates. A
/// candidate that is no longer fit is found out when it is picked, and leaves the list until something about it changes. So a choice costs the same with ten
/// drones and with ten thousand.
///
/// Each pool of a cluster has a list of its own. Drones that know no pools are candidates for requests that name no pool and need nothing that such drones do
/// not know.
///
/// The load is the number of backends that the fleet knows of and of choices not settled yet, so a burst of requests is spread before the first of them has
/// reached the stream. If a drone reports a higher number, that counts.
///
/// Two candidates are any. Drones may say which images they have and how long their starts take; then two more are picked from those that have the image, and
/// two from those where a container of it waits. Of two candidates
///
/// - the one where the backend is clearly ready first is chosen, unless it has far more backends than the other: one drone with an image does not get
///   everything while others idle, and an image spreads over the fleet as it is asked for more. What is under way on a drone slows it down;
/// - if neither is clearly first, or one of them has said nothing, as drones of 0.3.24 do, the one with fewer backends.
package struct Placement: Sendable {
    /// A drone not heard of for this long takes no new backend: seven of its status messages are missing.
    package static let livenessWindow: Duration = .seconds(30)

    /// Names of images of which it is kept how soon backends are ready where: with 64 on each of 10 000 drones. One takes a hundred bytes at most. Drones say
    /// them, and one that was stolen says what it likes. Of drones beyond, the number of backends counts, as for drones that say nothing.
    package static let imageLimit = 640_000
    /// Drones that were heard of and have not registered, of which that is kept: as many as may start at once. Whoever may speak for drones can make up some.
    static let strangerLimit = 4096

    private(set) var clusters: [ClusterName: Members] = [:]
    private let imageLimit: Int
    /// The number of names of images of which that is kept.
    private var imagesKept = 0
    /// When outdated starts were last removed to make room.
    private var startsSweptAt: StateTime?
    /// Drones that have not registered, and nevertheless are among the members of their clusters.
    private var strangers: Set<Stranger> = []
    private var strangersSweptAt: StateTime?

    private struct Stranger: Hashable {
        var drone: DroneID
        var cluster: ClusterName
    }

    package init(imageLimit: Int = Placement.imageLimit) { self.imageLimit = imageLimit }

    /// Takes a status message that came from the drone itself.
    /// - Parameters:
    ///   - isRegistered: whether the state knows the drone. What a drone says before may come before its registration, so it is kept, but not of its images.
    ///   - now: when it came, by this process's clock.
    package mutating func heard(_ status: DroneStatusMessage, isRegistered: Bool, at now: StateTime) {
        let stranger = Stranger(drone: status.droneID, cluster: status.cluster)
        if isRegistered { self.strangers.remove(stranger) } else { guard self.admit(stranger, at: now) else { return } }
        let report = Report(
            state: status.state, heard: now, statedBackends: status.runningBackends.map(Int.init), maxBackends: status.maxBackends.map(Int.init))
        let starts = isRegistered ? status.starts.map { StartReport($0, heard: now) } : nil
        if let starts, starts.images.count > self.imageLimit - self.imagesKept { self.forgetOldStarts(at: now) }
        let room = self.imageLimit - self.imagesKept
        self.imagesKept += self.clusters[status.cluster, default: Members()].heard(
            report, starts, of: status.droneID, isRegistered: isRegistered, room: room)
    }

    /// Removes outdated starts to make room for other drones, at most once in `DroneStarts.lifetime`.
    private mutating func forgetOldStarts(at now: StateTime) {
        if let last = self.startsSweptAt, now.since(last) < DroneStarts.lifetime { return }
        self.startsSweptAt = now
        for cluster in Array(self.clusters.keys) { self.imagesKept -= self.clusters[cluster]?.forgetOldStarts(at: now) ?? 0 }
    }

    /// - Returns: whether there is room for this drone, which has not registered.
    private mutating func admit(_ stranger: Stranger, at now: StateTime) -> Bool {
        // A drone that had registered, and that the state has forgotten, is still there.
        if self.strangers.contains(stranger) || self.clusters[stranger.cluster]?.members[stranger.drone] != nil { return true }
        if self.strangers.count >= Self.strangerLimit { self.forgetSilentStrangers(at: now) }
        guard self.strangers.count < Self.strangerLimit else { return false }
        self.strangers.insert(stranger)
        return true
    }

    /// Those that were heard long ago, at most once in that time.
    private mutating func forgetSilentStrangers(at now: StateTime) {
        if let last = self.strangersSweptAt, now.since(last) < Self.livenessWindow { return }
        self.strangersSweptAt = now
        for stranger in self.strangers {
            if let heard = self.lastHeard(stranger.drone, in: stranger.cluster), Self.isLive(heard, now: now) { continue }
            self.forget(stranger.drone, in: stranger.cluster)
        }
    }

    /// Called after `fleet` has applied a message.
    package mutating func stateApplied(_ message: StateMessage, fleet: FleetState) {
        guard case .cluster(let cluster, let change) = message else { return }
        switch change {
        case .drone(let message):
            if case .metadata = message.change { self.strangers.remove(Stranger(drone: message.drone, cluster: cluster)) }
            self.clusters[cluster, default: Members()].reconsider(message.drone, in: Self.list(of: message.drone, in: cluster, fleet))
        case .backend(let message):
            // Only an end can make room.
            guard case .state(let state, _) = message.change, state.isTerminal, let drone = fleet.drone(of: message.backend, in: cluster)
            else { return }
            self.clusters[cluster, default: Members()].reconsider(drone, in: Self.list(of: drone, in: cluster, fleet))
        case .lock, .acme, .names:
            break
        }
    }

    /// Chooses a fit drone that is not excluded; nil if there is none. The choice counts as load until it is settled.
    package mutating func choose(
        in cluster: ClusterName, _ needs: PlacementNeeds = PlacementNeeds(), excluding excluded: Set<DroneID> = [], fleet: FleetState,
        now: StateTime, using generator: inout some RandomNumberGenerator
    ) -> DroneID? {
        let lists: [CandidateList] = needs.pool.isUnnamed && !needs.extensions ? [.pool(.unnamed), .legacy] : [.pool(needs.pool)]
        return self.clusters[cluster]?.choose(from: lists, needs.image, excluding: excluded, now: now, using: &generator) { drone, report in
            guard let view = fleet.drone(drone, in: cluster) else { return .isUnfit }
            let list = CandidateList(view.metadata?.abilities)
            guard lists.contains(list) else { return .belongs(list) }
            return Self.load(of: view, report: report, now: now).map { .fits($0) } ?? .isUnfit
        }
    }

    /// Why a drone takes no new backends; nil for one that is fit and has room.
    package func obstacle(to drone: DroneID, in cluster: ClusterName, fleet: FleetState, now: StateTime) -> DroneObstacle? {
        guard let view = fleet.drone(drone, in: cluster) else { return .silent }
        let report = self.clusters[cluster]?.report(of: drone)
        if let load = Self.load(of: view, report: report, now: now) { return load.backends < load.limit ?? .max ? nil : .full }
        let state = report.map { Self.isLive($0.heard, now: now) ? $0.state : nil } ?? view.state
        return state == .draining || state == .drained ? .draining : .silent
    }

    private static func list(of drone: DroneID, in cluster: ClusterName, _ fleet: FleetState) -> CandidateList {
        CandidateList(fleet.drone(drone, in: cluster)?.metadata?.abilities)
    }

    /// Ends a choice, because it has become an assignment in the fleet or was given up. To be called once for each choice.
    package mutating func settle(_ drone: DroneID, in cluster: ClusterName) {
        self.clusters[cluster]?.settle(drone)
    }

    /// Removes a drone that is gone for good. Its choices may still be settled afterwards.
    package mutating func forget(_ drone: DroneID, in cluster: ClusterName) {
        let forgotten = self.clusters[cluster]?.forget(drone) ?? 0
        self.imagesKept -= forgotten
        self.strangers.remove(Stranger(drone: drone, cluster: cluster))
        if self.clusters[cluster]?.members.isEmpty == true { self.clusters[cluster] = nil }
    }

    /// When this process last received a status message of the drone; nil if never.
    package func lastHeard(_ drone: DroneID, in cluster: ClusterName) -> StateTime? {
        self.clusters[cluster]?.lastHeard(drone)
    }

    /// How many running backends the drone's last status message named; nil if it named no number.
    package func reportedBackends(_ drone: DroneID, in cluster: ClusterName) -> Int? {
        self.clusters[cluster]?.report(of: drone)?.statedBackends
    }

    /// How many backends the drone has and how many it takes; nil if it is not fit.
    private static func load(of view: DroneView, report: Report?, now: StateTime) -> Load? {
        guard view.metadata != nil, view.state != .lost else { return nil }
        // A status message of the drone counts. The stream's sign of life counts only in a process that has had none, such as one that has
        // just started.
        let isHeard = report.map { self.isLive($0.heard, now: now) } ?? false
        guard isHeard || view.lastSeen.map({ self.isLive($0, now: now) }) ?? false else { return nil }
        guard (isHeard ? report?.state : view.state) == .ready else { return nil }
        return Load(
            backends: max(view.liveBackends, report?.statedBackends ?? 0), starting: view.startingBackends, limit: report?.maxBackends)
    }

    /// A time from the stream is by another machine's clock. One that lies far in the future counts as unknown.
    private static func isLive(_ heard: StateTime, now: StateTime) -> Bool {
        let age = now.since(heard)
        return age < self.livenessWindow && age > .zero - self.livenessWindow
    }

    struct Report: Sendable {
        let state: DroneState
        let heard: StateTime
        /// Nil from a drone that reports no number.
        let statedBackends: Int?
        let maxBackends: Int?
    }

    struct Load: Sendable {
        let backends: Int
        /// How many of them have not become ready.
        let starting: Int
        /// The number of backends that the drone takes at most; nil for no limit.
        let limit: Int?
    }
}
