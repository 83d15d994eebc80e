package import DNSCore
package import PlaneProtocol
import Synchronization
import StateReplication

/// The zones made from the stream `plane_state`. The follower feeds it, the DNS server asks it.
///
/// Until the whole stream has been read, it answers that it does not know (SERVFAIL). A resolver then asks another name server, whereas it
/// would remember an answer that a name is not there.
package final class ZoneStore: FollowedState, RecordSource {
    package struct Status: Sendable {
        package var isCaughtUp = false
        /// Sequence of the last message seen.
        package var sequence: UInt64 = 0
        /// When the last message was published: not long ago, because schedulers write one each second.
        package var published: WireTime?
        package var names = 0
        package var zones = 0
    }

    private struct State {
        var fold: ZoneProjection
        var isCaughtUp = false
        var published: WireTime?
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>
    private let zones: SharedZones
    private let isOpen = Atomic(false)

    /// - Parameter clusters: whose zones are served before there is any message about them.
    package init(settings: ZoneSettings, clusters: [ClusterName] = []) {
        var generator = SystemRandomNumberGenerator()
        var table = ZoneTable(using: &generator)
        var fold = ZoneProjection(settings: settings)
        for cluster in clusters { fold.open(cluster, in: &table) }
        self.zones = SharedZones(table)
        self.state = Mutex(State(fold: fold))
    }

    package func find(_ name: Span<UInt8>) -> ZoneLookup {
        guard self.isOpen.load(ordering: .acquiring) else { return .unknown }
        return self.zones.find(name)
    }

    package func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
        self.state.withLock { state in
            state.published = published
            self.zones.update { zones in
                state.fold.apply(message, sequence: sequence, published: published, incarnation: incarnation, to: &zones)
            }
        }
    }

    /// Does nothing: names are answered as they are read, whatever the age of the stream.
    package func began(streamAge age: Duration) {}

    package func lost() {
        self.state.withLock { state in
            // Without a message before there are no names to keep.
            if let published = state.published { state.fold.lost(at: published) }
        }
    }

    package func purged(_ backend: BackendID, clusterToken: String) {
        self.state.withLock { state in
            self.zones.update { state.fold.purged(backend, clusterToken: clusterToken, in: &$0) }
        }
    }

    package func deleted(at sequence: UInt64) {
        self.state.withLock { state in
            self.zones.update { state.fold.deleted(at: sequence, in: &$0) }
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
                isCaughtUp: state.isCaughtUp, sequence: state.fold.sequence, published: state.published, names: names, zones: zones)
        }
    }
}
