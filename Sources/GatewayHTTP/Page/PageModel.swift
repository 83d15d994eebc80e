import GatewayCore
import GatewayHTTPConfiguration
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState

/// The contents of the page, as values.
struct PageModel: Sendable {
    struct Drone: Sendable {
        var cluster: ClusterName
        var view: DroneView
        /// Whether nothing was heard of the drone for too long.
        var isSilent: Bool
        var seenSeconds: Int64?
        var mayDrain: Bool
    }

    struct Backend: Sendable {
        var cluster: ClusterName
        var view: BackendView
        var status: GatewayStatus
        /// How many seconds the backend has had this status.
        var ageSeconds: Int64?
        var facts: RecentHistory.Facts?
        /// Open requests and WebSockets; nil if the drone has not reported them.
        var connections: Int?
    }

    /// A search on the page.
    struct Search: Hashable, Sendable {
        var text: String
        var showsEnded: Bool
        /// Backends that the user with this name has visited.
        var visited: Set<BackendID> = []

        init(_ query: QueryFields) {
            self.text = String((query["q"] ?? "").prefix(200))
            self.showsEnded = query["ended"] == "true"
        }

        var query: String { "q=\(PercentEncoding.encode(self.text))\(self.showsEnded ? "&ended=true" : "")" }

        /// Whether the id, key, lock or drone contains the text, or the text is the name of a user who has visited the backend.
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
    /// How many backends were found but are not shown.
    var hiddenCount = 0
    /// Milliseconds from the request to readiness, for backends that became ready since this gateway started.
    var starts: [Int64] = []
    var canLogOut = false

    static let shownLimit = 200
    private static let droneLimit = 200

    /// The number of all backends, ended ones included, on which the cost of a look at all of them depends.
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
