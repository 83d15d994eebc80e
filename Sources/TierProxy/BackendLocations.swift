import NIOCore
import NetworkAddresses
package import PlaneProtocol
import PlaneState
import StateReplication
import Synchronization
package import TierProxyPolicy

/// Where the backends of one cluster are, from the stream `plane_state`. A follower updates it, and event loops query it.
///
/// What is known stays known while NATS is away. When the stream has been deleted and made again, the schedulers write it again within seconds from what the
/// drones report. Until then, and for ``formerTime`` at most, places in the former stream are still used, because traffic must not depend on the control
/// plane.
package final class BackendLocations: FollowedState {
    package struct Status: Sendable {
        package var isCaughtUp = false
        /// When the last message was published. Normally that is not long ago, because schedulers write one every second.
        package var published: WireTime?
        package var backends = 0
    }

    fileprivate struct State {
        var fleet = FleetState()
        var former: (fleet: FleetState, until: NIODeadline)?
        var incarnation: UInt64?
        var isCaughtUp = false
        var published: WireTime?
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    /// As long as the default of `scheduler.lost_after_secs`.
    private static let formerTime: TimeAmount = .seconds(300)

    private let cluster: ClusterName
    private let state = Mutex(State())
    private let listener = Mutex<(@Sendable ([String], Bool) -> Void)?>(nil)

    package init(cluster: ClusterName) {
        self.cluster = cluster
    }

    /// - Parameter body: called in the order of the stream with backends whose place may have changed, and whether they have ended.
    package func listen(_ body: @escaping @Sendable (_ backends: [String], _ haveEnded: Bool) -> Void) {
        self.listener.withLock { $0 = body }
    }

    // MARK: Asking

    package func place(of backend: String) -> BackendLocation {
        guard let id = BackendID(rawValue: backend) else { return .unknown }
        return self.state.withLock { state in
            let place = Self.place(of: id, in: state.fleet, self.cluster)
            guard case .unknown = place, let former = state.former, .now() < former.until else { return place }
            return Self.place(of: id, in: former.fleet, self.cluster)
        }
    }

    /// The backend that holds a lock.
    package func holder(of lock: LockName) -> String? {
        self.state.withLock { state in
            if case .held(let backend) = state.fleet.lock(lock, in: self.cluster) { return backend.rawValue }
            guard let former = state.former, .now() < former.until, case .held(let backend) = former.fleet.lock(lock, in: self.cluster) else { return nil }
            return backend.rawValue
        }
    }

    private static func place(of id: BackendID, in fleet: FleetState, _ cluster: ClusterName) -> BackendLocation {
        guard let backend = fleet.backend(id, in: cluster) else { return .unknown }
        if backend.isEnding { return .ended }
        switch backend.state {
        case nil: return backend.drone == nil ? .unknown : .starting
        case .loading, .starting: return .starting
        case .ready: return backend.drone.flatMap { Self.address(of: $0, in: fleet, cluster) }.map { .ready($0) } ?? .unreachable
        default: return .ended
        }
    }

    /// The address at which the drone's proxy accepts requests of the tier; nil if it accepts none.
    private static func address(of drone: DroneID, in fleet: FleetState, _ cluster: ClusterName) -> SocketAddress? {
        guard let metadata = fleet.drone(drone, in: cluster)?.metadata, let port = metadata.abilities.innerPort else { return nil }
        return try? SocketAddress(ipAddress: metadata.ip.description, port: Int(port))  // what is printed by an address is one
    }

    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

    package var status: Status {
        self.state.withLock { state in
            Status(isCaughtUp: state.isCaughtUp, published: state.published, backends: state.fleet.backendCount(in: self.cluster))
        }
    }

    /// Returns when everything that was in the stream at the beginning has been applied, or when the task is cancelled.
    package func waitUntilCaughtUp() async {
        let (wakes, waiter) = AsyncStream.makeStream(of: Void.self)
        let isCaughtUp = self.state.withLock { state in
            if !state.isCaughtUp { state.waiters.append(waiter) }
            return state.isCaughtUp
        }
        guard !isCaughtUp else { return }
        for await _ in wakes {}
    }

    // MARK: Following

    package func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
        let changed: (backends: [String], haveEnded: Bool)? = self.state.withLock { state in
            if let known = state.incarnation, known != incarnation { state.begin(until: .now() + Self.formerTime) }
            if let former = state.former, .now() >= former.until { state.former = nil }
            state.incarnation = incarnation
            state.published = published
            guard let message else {
                state.fleet.skip(sequence: sequence)
                return nil
            }
            // Nothing is kept of other clusters, nor of this cluster's locks and DNS challenges.
            guard case .cluster(self.cluster, let change) = message else {
                state.fleet.skip(sequence: sequence)
                return nil
            }
            switch change {
            case .lock, .acme, .names:
                state.fleet.skip(sequence: sequence)
                return nil
            case .backend(let change):
                state.fleet.apply(message, sequence: sequence, published: published)
                guard state.isCaughtUp else { return nil }
                let hasEnded = state.fleet.backend(change.backend, in: self.cluster)?.state?.isTerminal ?? false
                return ([change.backend.rawValue], hasEnded)
            case .drone(let change):
                guard case .metadata = change.change else {
                    state.fleet.skip(sequence: sequence)
                    return nil
                }
                let before = Self.address(of: change.drone, in: state.fleet, self.cluster)
                state.fleet.apply(message, sequence: sequence, published: published)
                guard state.isCaughtUp, Self.address(of: change.drone, in: state.fleet, self.cluster) != before else { return nil }
                return (state.fleet.liveBackends(of: change.drone, in: self.cluster).map(\.rawValue), false)
            }
        }
        if let changed { self.tell(changed.backends, haveEnded: changed.haveEnded) }
    }

    /// Does nothing: the age of the stream does not matter here.
    package func began(streamAge age: Duration) {}

    package var backendNames: [(backend: BackendID, cluster: ClusterName)] { self.state.withLock { $0.fleet.backendNames } }

    package func lost() { self.state.withLock { $0.begin(until: .now() + Self.formerTime) } }

    package func purged(_ backend: BackendID, clusterToken: String) {
        guard clusterToken == self.cluster.subjectToken else { return }
        self.state.withLock { $0.fleet.forget(backend, in: self.cluster) }
        self.tell([backend.rawValue], haveEnded: false)
    }

    package func deleted(at sequence: UInt64) {
        let backend = self.state.withLock { state -> BackendID? in
            guard let (backend, cluster) = state.fleet.backend(endedAt: sequence), cluster == self.cluster else { return nil }
            state.fleet.forget(backend, in: cluster)
            return backend
        }
        if let backend { self.tell([backend.rawValue], haveEnded: true) }
    }

    package func caughtUp() {
        let waiters = self.state.withLock { state in
            state.isCaughtUp = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    private func tell(_ backends: [String], haveEnded: Bool) {
        guard !backends.isEmpty, let listener = self.listener.withLock({ $0 }) else { return }
        listener(backends, haveEnded)
    }
}

extension BackendLocations.State {
    /// Keeps the former state until the deadline, and begins with an empty one.
    fileprivate mutating func begin(until deadline: NIODeadline) {
        self.former = (self.fleet, deadline)
        self.fleet = FleetState()
    }
}
