package import DNSCore
package import PlaneProtocol
import Synchronization
import StateReplication

/// The zones made from the stream `plane_state`. The follower updates them, and the DNS server queries them.
///
/// Until the whole stream has been read, all questions are answered with SERVFAIL. A resolver then asks another name server, while it would remember an
/// answer that a name does not exist.
package final class ZoneStore: FollowedState, RecordSource {
    package struct Status: Sendable {
        package var isCaughtUp = false
        /// Sequence of the last message applied or skipped.
        package var sequence: UInt64 = 0
        /// When the last message was published. Normally that is not long ago, because schedulers write one every second.
        package var published: WireTime?
        package var names = 0
        package var zones = 0
    }

    private struct State {
        var projection: ZoneProjection
        var isCaughtUp = false
        var published: WireTime?
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>
    private let zones: SharedZones
    private let isOpen = Atomic(false)

    /// - Parameter clusters: clusters whose zones are served before there is any message about them.
    package init(settings: ZoneOptions, clusters: [ClusterName] = []) {
        var generator = SystemRandomNumberGenerator()
        var table = ZoneTable(using: &generator)
        var projection = ZoneProjection(settings: settings)
        for cluster in clusters { projection.open(cluster, in: &table) }
        self.zones = SharedZones(table)
        self.state = Mutex(State(projection: projection))
    }

    package func find(_ name: Span<UInt8>) -> ZoneLookup {
        guard self.isOpen.load(ordering: .acquiring) else { return .unknown }
        return self.zones.find(name)
    }

    package func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
        self.state.withLock { state in
            state.published = published
            self.zones.update { zones in
                state.projection.apply(message, sequence: sequence, published: published, incarnation: incarnation, to: &zones)
            }
        }
    }

    /// Does nothing: the age of the stream does not matter here.
    package func began(streamAge age: Duration) {}

    package var backendNames: [(backend: BackendID, cluster: ClusterName)] { self.state.withLock { $0.projection.backendNames } }

    package func lost() {
        self.state.withLock { state in
            // If nothing was read before, there are no names to keep.
            if let published = state.published { state.projection.lost(at: published) }
        }
    }

    package func purged(_ backend: BackendID, clusterToken: String) {
        self.state.withLock { state in
            self.zones.update { state.projection.purged(backend, clusterToken: clusterToken, in: &$0) }
        }
    }

    package func deleted(at sequence: UInt64) {
        self.state.withLock { state in
            self.zones.update { state.projection.deleted(at: sequence, in: &$0) }
        }
    }

    package func caughtUp() {
        self.isOpen.store(true, ordering: .releasing)
        let waiters = self.state.withLock { state in
            state.isCaughtUp = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns when the whole stream has been read, or the task is cancelled.
    package func waitUntilCaughtUp() async {
        let (wakes, waiter) = AsyncStream.makeStream(of: Void.self)
        let isCaughtUp = self.state.withLock { state in
            if !state.isCaughtUp { state.waiters.append(waiter) }
            return state.isCaughtUp
        }
        guard !isCaughtUp else { return }
        for await _ in wakes {}
    }

    package var status: Status {
        let (names, zones) = self.zones.update { ($0.nameCount, $0.zoneCount) }
        return self.state.withLock { state in
            Status(
                isCaughtUp: state.isCaughtUp, sequence: state.projection.sequence, published: state.published, names: names, zones: zones)
        }
    }
}
