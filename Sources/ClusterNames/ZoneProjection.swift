package import DNSCore
package import PlaneProtocol
import PlaneState

/// Turns the messages of the stream `plane_state` into changes of the zones. No IO, and no clock but the stream's own.
///
/// Each cluster is a zone. In it each drone is a node with the drone's address records, to which the names of its backends are bound. So when the address of
/// a drone changes, or the drone is lost, the answers for all its backends change at once.
package struct ZoneProjection: Sendable {
    private struct Cluster {
        let origin: DNSName
        var drones: [DroneID: ZoneTable.NodeID] = [:]
    }

    /// The state of a stream that has since been deleted and made again. The schedulers write it again from what the drones report, within seconds. Until
    /// then, and for `formerSeconds` at most, its names are still answered, because traffic must not depend on the control plane.
    private struct Former {
        var backends: [(BackendID, ClusterName)]
        var drones: [(DroneID, ClusterName)]
        /// Publish time of the new stream's first message.
        let since: Int64
    }

    /// Seconds for which names of the former stream are kept: the default of `scheduler.lost_after_secs`.
    static let formerSeconds: Int64 = 300
    /// How many former names are checked with each message, so that questions do not wait until all are.
    private static let formerStep = 256

    private let settings: ZoneOptions
    private var fleet = FleetState()
    private var incarnation: UInt64 = 0
    /// Nil for clusters whose name is no domain name. Two clusters that differ only by a port share a zone.
    private var clusters: [ClusterName: Cluster?] = [:]
    private var former: Former?
    /// Of each zone, the stream sequence of its newest change.
    private var changes: [DNSName: UInt64] = [:]

    package init(settings: ZoneOptions) {
        self.settings = settings
    }

    /// Stream sequence of the last message seen.
    package var sequence: UInt64 { self.fleet.sequence }

    /// Every backend of the current stream, ended ones too.
    package var backendNames: [(backend: BackendID, cluster: ClusterName)] { self.fleet.backendNames }

    /// Adds a cluster's zone before there is any message about the cluster.
    package mutating func open(_ cluster: ClusterName, in zones: inout ZoneTable) {
        _ = self.cluster(cluster, &zones)
    }

    /// Applies a message of the stream; nil for one that could not be read.
    package mutating func apply(
        _ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64, to zones: inout ZoneTable
    ) {
        if incarnation != self.incarnation { self.begin(incarnation, at: published) }
        guard let message else {
            self.fleet.skip(sequence: sequence)
            return
        }
        self.fleet.apply(message, sequence: sequence, published: published)
        if case .cluster(let name, let change) = message {
            self.show(change, of: name, &zones)
            self.showSerial(of: name, &zones)
        }
        self.retireFormer(at: published, &zones)
    }

    /// Called when everything was purged from the stream. The schedulers write it again from what the drones report.
    package mutating func lost(at published: WireTime) { self.begin(self.incarnation, at: published) }

    /// Called when every message about the backend was purged from the stream.
    package mutating func purged(_ backend: BackendID, clusterToken: String, in zones: inout ZoneTable) {
        guard let name = self.clusters.keys.first(where: { $0.subjectToken == clusterToken }) else { return }
        self.fleet.forget(backend, in: name)
        self.show(backend, of: name, &zones)
    }

    /// Called when the message with this sequence was deleted. The end of a backend is deleted after all other messages about it.
    package mutating func deleted(at sequence: UInt64, in zones: inout ZoneTable) {
        guard let (backend, name) = self.fleet.backend(endedAt: sequence) else { return }
        self.fleet.forget(backend, in: name)
        self.show(backend, of: name, &zones)
    }

    // MARK: Showing

    private mutating func show(_ change: ClusterStateMessage, of name: ClusterName, _ zones: inout ZoneTable) {
        switch change {
        case .lock, .names:
            return
        case .drone(let message):
            if case .keepAlive = message.change { return }
            self.show(message.drone, of: name, &zones)
        case .backend(let message):
            self.show(message.backend, of: name, &zones)
        case .acme:
            guard let origin = self.cluster(name, &zones)?.origin, let challenge = origin.child(ZoneOptions.challengeLabel) else { return }
            let sharing = self.clusters.filter { $0.value?.origin == origin }.keys.sorted { $0.rawValue < $1.rawValue }
            let texts = sharing.flatMap { self.fleet.acmeValues(in: $0) }.map { RecordData.txt(Array($0.utf8)) }
            zones.replaceFixed(challenge, RecordSet(texts, timeToLive: ZoneOptions.challengeTimeToLive))
        }
    }

    private mutating func show(_ drone: DroneID, of name: ClusterName, _ zones: inout ZoneTable) {
        guard let node = self.node(of: drone, name, &zones) else { return }
        let view = self.fleet.drone(drone, in: name)
        guard let address = view?.metadata?.ip, view?.state != .lost else {
            zones.replace(node, .empty)
            return
        }
        zones.replace(node, RecordSet([RecordData(address)], timeToLive: ZoneOptions.hostTimeToLive))
    }

    private mutating func show(_ backend: BackendID, of name: ClusterName, _ zones: inout ZoneTable) {
        if self.settings.leadsToProxies { return }
        guard let host = self.cluster(name, &zones)?.origin.child(backend.rawValue) else { return }
        guard let view = self.fleet.backend(backend, in: name), let drone = view.drone, !(view.state?.isTerminal ?? false),
            let node = self.node(of: drone, name, &zones)
        else {
            zones.unbind(host)
            return
        }
        zones.bind(host, to: node)
    }

    /// A zone's serial is the sequence of the newest message in the stream that can have changed the zone, whatever this server had seen before: so servers agree
    /// whenever they were started, and it rises with each change.
    private mutating func showSerial(of name: ClusterName, _ zones: inout ZoneTable) {
        let (names, challenges) = (self.fleet.namesChanged(in: name), self.fleet.challengesChanged(in: name))
        let change = self.settings.leadsToProxies ? challenges : max(names, challenges)
        guard change > 0, let origin = self.cluster(name, &zones)?.origin, change > self.changes[origin] ?? 0 else { return }
        self.changes[origin] = change
        zones.setSerial(UInt32(truncatingIfNeeded: change), of: origin)
    }

    private mutating func cluster(_ name: ClusterName, _ zones: inout ZoneTable) -> Cluster? {
        if let known = self.clusters[name] { return known }
        let origin = DNSName(name.domain)
        if let origin { zones.add(self.settings.zone(origin), fixed: self.settings.fixedRecords(origin)) }
        let cluster = origin.map { Cluster(origin: $0) }
        self.clusters[name] = .some(cluster)
        return cluster
    }

    private mutating func node(of drone: DroneID, _ name: ClusterName, _ zones: inout ZoneTable) -> ZoneTable.NodeID? {
        guard let cluster = self.cluster(name, &zones) else { return nil }
        if let node = cluster.drones[drone] { return node }
        let node = zones.addNode(in: cluster.origin, .empty)
        self.clusters[name]??.drones[drone] = node
        return node
    }

    // MARK: A stream made again

    private mutating func begin(_ incarnation: UInt64, at published: WireTime) {
        var former = Former(
            backends: self.former?.backends ?? [], drones: self.former?.drones ?? [], since: published.seconds)
        for name in self.fleet.clusterNames {
            former.backends += self.fleet.backends(in: name).filter { !($0.state?.isTerminal ?? false) }.map { ($0.id, name) }
            former.drones += self.fleet.drones(in: name).map { ($0.id, name) }
        }
        self.former = former.backends.isEmpty && former.drones.isEmpty ? nil : former
        self.fleet = FleetState()
        self.changes = [:]
        self.incarnation = incarnation
    }

    private mutating func retireFormer(at published: WireTime, _ zones: inout ZoneTable) {
        guard let former = self.former, published.seconds >= former.since + Self.formerSeconds else { return }
        if former.backends.isEmpty && former.drones.isEmpty {
            self.former = nil
            return
        }
        for (backend, name) in former.backends.suffix(Self.formerStep) { self.show(backend, of: name, &zones) }
        for (drone, name) in former.drones.suffix(Self.formerStep) { self.show(drone, of: name, &zones) }
        self.former?.backends.removeLast(min(Self.formerStep, former.backends.count))
        self.former?.drones.removeLast(min(Self.formerStep, former.drones.count))
    }
}
