import GatewayCore
import GatewayHTTPConfiguration
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState

/// What the page shows, as values.
struct PageModel: Sendable {
    struct Drone: Sendable {
        var cluster: ClusterName
        var view: DroneView
        /// Nothing was heard of it for too long.
        var isSilent: Bool
        var seenSeconds: Int64?
        var mayDrain: Bool
    }

    struct Backend: Sendable {
        var cluster: ClusterName
        var view: BackendView
        var status: GatewayStatus
        /// Seconds in this status.
        var ageSeconds: Int64?
        var facts: RecentHistory.Facts?
        /// Open requests and WebSockets; nil where its drone has not told.
        var connections: Int?
    }

    /// What somebody looks for.
    struct Search: Hashable, Sendable {
        var text: String
        var showsEnded: Bool
        /// Backends that the user of this name has visited.
        var visited: Set<BackendID> = []

        init(_ query: QueryFields) {
            self.text = String((query["q"] ?? "").prefix(200))
            self.showsEnded = query["ended"] == "true"
        }

        var query: String { "q=\(PercentEncoding.encode(self.text))\(self.showsEnded ? "&ended=true" : "")" }

        /// By id, key, lock or drone, or part of one; or by a user's whole name.
        func matches(_ view: BackendView) -> Bool {
            guard !self.text.isEmpty else { return true }
            return view.id.rawValue.contains(self.text) || view.lock?.rawValue.contains(self.text) ?? false || view.drone?.rawValue.contains(self.text) ?? false
                || self.visited.contains(view.id)
        }
    }

    var search: Search
    var isCurrent: Bool
    var clusters: [SystemOverview.Cluster] = []
    var drones: [Drone] = []
    /// Of the tier.
    var proxies: [Fleet.KnownProxy] = []
    var backends: [Backend] = []
    /// Backends that were found and are not shown.
    var hiddenCount = 0
    /// Milliseconds from request to readiness, of those that became ready since this gateway looks.
    var starts: [Int64] = []
    var canLogOut = false

    static let shownLimit = 200
    private static let droneLimit = 200

    /// How many backends there are, ended ones too, which says what it costs to look at all.
    let total: Int

    init(_ fleet: Fleet, _ search: Search, caller: Caller, connections: [BackendID: Int], canLogOut: Bool) {
        let now = StateTime.now()
        self.search = search
        self.isCurrent = fleet.isCurrent
        self.starts = fleet.recent.starts
        self.canLogOut = canLogOut
        typealias Look = (overview: SystemOverview, drones: [(ClusterName, DroneView)], found: [(ClusterName, BackendView)], total: Int)
        let look: Look = fleet.mirror.ask { fleet in
            var (drones, found, total): ([(ClusterName, DroneView)], [(ClusterName, BackendView)], Int) = ([], [], 0)
            for cluster in fleet.clusterNames where caller.sees(cluster) {
                drones += fleet.drones(in: cluster).map { (cluster, $0) }
                let backends = fleet.backends(in: cluster)
                total += backends.count
                found += backends.filter { (search.showsEnded || !($0.state?.isTerminal ?? false)) && search.matches($0) }.filter { view in
                    let pool = view.drone.flatMap { fleet.drone($0, in: cluster)?.metadata?.abilities.pool } ?? .unnamed
                    return caller.may(CallScope(changes: false, cluster: cluster, pool: pool, namespace: KeyText(view.lock)?.namespace))
                }.map { (cluster, $0) }
            }
            return (SystemOverview(fleet: fleet, now: now), drones, found, total)
        }
        self.total = look.total
        let visible = Set(look.drones.map(\.0))
        self.clusters = look.overview.clusters.filter { visible.contains($0.name) }
        self.drones = look.drones.sorted { ($0.0.rawValue, $0.1.id.rawValue) < ($1.0.rawValue, $1.1.id.rawValue) }.prefix(Self.droneLimit).map {
            cluster, view in
            let seen = view.lastSeen.map { now.since($0) }
            return Drone(
                cluster: cluster, view: view, isSilent: seen.map { $0 > Placement.livenessWindow } ?? true,
                seenSeconds: seen.map { max($0.components.seconds, 0) },
                mayDrain: caller.may(CallScope(changes: true, cluster: cluster, pool: view.metadata?.abilities.pool ?? .unnamed)))
        }
        self.proxies = fleet.heardProxies.filter { caller.sees($0.status.cluster) }.prefix(Self.droneLimit).map { $0 }
        let found = look.found.sorted { left, right in
            (right.1.stateTime?.rawValue ?? .max, left.1.id.rawValue) < (left.1.stateTime?.rawValue ?? .max, right.1.id.rawValue)
        }
        self.hiddenCount = max(found.count - Self.shownLimit, 0)
        self.backends = found.prefix(Self.shownLimit).map { cluster, view in
            Backend(
                cluster: cluster, view: view, status: GatewayStatus(view.state, isEnding: view.isEnding),
                ageSeconds: view.stateTime.map { max(now.since($0).components.seconds, 0) }, facts: fleet.recent.facts(of: view.id),
                connections: connections[view.id])
        }
    }
}
