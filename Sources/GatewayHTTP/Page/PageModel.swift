import GatewayCore
import GatewayHTTPConfiguration
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState
import TextEncodings

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
    var proxies: [TierProxies.Proxy] = []
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
        let known = fleet.mirror.ask { fleet in
            fleet.clusterNames.filter { caller.sees($0) }.map { (name: $0, drones: fleet.drones(in: $0)) }
        }
        typealias Found = (cluster: ClusterName, view: BackendView)
        // The newest first.
        var found = Smallest<Found>(Self.shownLimit) { left, right in
            (right.view.stateTime?.rawValue ?? .max, left.view.id.rawValue) < (left.view.stateTime?.rawValue ?? .max, right.view.id.rawValue)
        }
        var total = 0
        for (cluster, drones) in known {
            var overview = SystemOverview.Cluster(name: cluster, drones: drones, now: now)
            let pools = Dictionary(drones.map { ($0.id, $0.metadata?.abilities.pool ?? .unnamed) }) { first, _ in first }
            fleet.mirror.visitBackends(in: cluster) { views in
                total += views.count
                for view in views {
                    overview.count(view)
                    guard search.showsEnded || !(view.state?.isTerminal ?? false), search.matches(view) else { continue }
                    let pool = view.drone.flatMap { pools[$0] } ?? .unnamed
                    let scope = CallScope(changes: false, cluster: cluster, pool: pool, namespace: KeyText(view.lock)?.namespace)
                    if caller.may(scope) { found.add((cluster, view)) }
                }
            }
            if !drones.isEmpty { self.clusters.append(overview) }
        }
        self.total = total
        let drones = known.flatMap { cluster, drones in drones.map { (cluster, $0) } }
        self.drones = drones.sorted { ($0.0.rawValue, $0.1.id.rawValue) < ($1.0.rawValue, $1.1.id.rawValue) }.prefix(Self.droneLimit).map {
            cluster, view in
            let seen = view.lastSeen.map { now.since($0) }
            return Drone(
                cluster: cluster, view: view, isSilent: seen.map { $0 > Placement.livenessWindow } ?? true,
                seenSeconds: seen.map { max($0.components.seconds, 0) },
                mayDrain: caller.may(CallScope(changes: true, cluster: cluster, pool: view.metadata?.abilities.pool ?? .unnamed)))
        }
        self.proxies = fleet.heardProxies.filter { caller.sees($0.status.cluster) }.prefix(Self.droneLimit).map { $0 }
        self.hiddenCount = max(found.count - Self.shownLimit, 0)
        self.backends = found.sorted.map { cluster, view in
            Backend(
                cluster: cluster, view: view, status: GatewayStatus(view.state, ending: view.ending),
                ageSeconds: view.stateTime.map { max(now.since($0).components.seconds, 0) }, facts: fleet.recent.facts(of: view.id),
                connections: connections[view.id])
        }
    }
}
