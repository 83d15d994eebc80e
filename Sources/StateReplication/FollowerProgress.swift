import NATS
import PlaneProtocol
import Synchronization

/// What the tasks of a follower know together: how far it has read, and whether it may have missed notices of purges.
///
/// The server sends a notice once, to whoever is connected. After a gap the follower compares what it knows with what is in the stream.
final class FollowerProgress: Sendable {
    /// A time from which notices may be missing.
    struct Gap {
        /// Sequence of the last message applied before it; nil where that is not known.
        var sequence: UInt64?
        /// The stream that the fleet knows when the comparison begins, and the sequence of the last message of it that was applied by then.
        var identity: StreamIdentity?
        var applied: UInt64 = 0
    }

    struct Backend: Hashable {
        let backend: BackendID
        let clusterToken: String
    }

    private struct State {
        var sequence: UInt64 = 0
        /// The last incarnation that the fleet was told.
        var incarnation: UInt64 = 0
        /// Incarnations told by earlier consumers, which those of this one are added to.
        var formerIncarnations: UInt64 = 0
        /// The stream of the last message applied.
        var identity: StreamIdentity?
        /// Whether everything was applied that was in the stream when the present consumer began.
        var isCaughtUp = false
        var hasToldCaughtUp = false
        var gap: Gap?
        /// Backends about which something was applied since the comparison began; nil while there is none.
        var touched: Set<Backend>?
        var isVoid = false
        var gapEnded: AsyncStream<Void>.Continuation?
    }

    private let state = Mutex(State())

    /// One element whenever a gap has ended, for one reader.
    func gapEnds() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.state.withLock { $0.gapEnded = continuation }
        return stream
    }

    // MARK: Reading

    /// A consumer begins with the first message of this stream.
    func began(_ identity: StreamIdentity) {
        self.state.withLock { state in
            state.formerIncarnations = state.incarnation
            if let known = state.identity, known.created != identity.created { state.formerIncarnations += 1 }
            state.identity = identity
            state.sequence = 0
            state.isCaughtUp = false
            state.isVoid = false
        }
    }

    /// Called before a message is applied.
    /// - Returns: the incarnation to tell.
    func applies(_ message: StateMessage?, sequence: UInt64, incarnation: UInt64) -> UInt64 {
        self.state.withLock { state in
            state.sequence = sequence
            state.incarnation = state.formerIncarnations + incarnation
            if state.touched != nil, case .cluster(let cluster, .backend(let change))? = message {
                state.touched?.insert(Backend(backend: change.backend, clusterToken: cluster.subjectToken))
            }
            return state.incarnation
        }
    }

    /// Called after a message of this stream was applied.
    func applied(of identity: StreamIdentity) { self.state.withLock { $0.identity = identity } }

    /// - Returns: whether this is to be told, which is so once.
    func caughtUp() -> Bool {
        let isFirst = self.state.withLock { state in
            state.isCaughtUp = true
            defer { state.hasToldCaughtUp = true }
            return !state.hasToldCaughtUp
        }
        self.endGap()
        return isFirst
    }

    // MARK: Gaps

    /// Called on the thread that reports events, so that what is read after a broken connection is restored comes later.
    func observe(_ event: NATSConnectionEvent) {
        switch event {
        case .disconnected:
            self.state.withLock { state in
                if state.gap == nil { state.gap = Gap(sequence: state.sequence > 0 ? state.sequence : nil) }
            }
        case .slowConsumer(subject: PurgeNotice.subject, dropped: _):
            self.missed()
            self.endGap()
        case .reconnected: self.endGap()
        case .connected, .refused, .slowConsumer, .closed: break
        }
    }

    private func endGap() {
        let signal = self.state.withLock { $0.gapEnded }
        signal?.yield()
    }

    /// A notice is lost, or comes before the messages that it is about may have been applied.
    private func missed() {
        self.state.withLock { state in
            if state.gap == nil { state.gap = Gap() }
        }
    }

    /// - Returns: whether the notice that something was purged can be applied now. If not, the fleet is compared with the stream when it has caught up.
    func appliesNotice() -> Bool {
        let isCaughtUp = self.state.withLock { $0.isCaughtUp }
        if !isCaughtUp { self.missed() }
        return isCaughtUp
    }

    // MARK: Comparing

    /// The gap to be dealt with now; nil if there is none.
    func beginComparison() -> Gap? {
        self.state.withLock { state in
            guard var gap = state.gap else { return nil }
            gap.identity = state.identity
            gap.applied = state.sequence
            state.gap = nil
            state.touched = []
            return gap
        }
    }

    /// - Returns: whether the stream is the one that the fleet knew when the comparison began. Another one, or an older copy, is told by its messages. What was
    ///   applied since then may be later than what the server has said of the stream.
    func knows(_ stream: StreamSubjects, at gap: Gap) -> Bool {
        self.state.withLock { state in
            state.identity == gap.identity && gap.identity?.created == stream.identity.created && gap.applied <= stream.lastSequence
        }
    }

    func isTouched(_ backend: Backend) -> Bool { self.state.withLock { $0.touched?.contains(backend) ?? false } }

    /// - Parameter gap: to be dealt with later, because the comparison has failed.
    func endComparison(failing gap: Gap? = nil) {
        self.state.withLock { state in
            state.touched = nil
            if let gap { state.gap = gap }
        }
    }

    // MARK: Beginning anew

    /// Everything that was applied is void: the stream is to be read from its beginning.
    var isVoid: Bool { self.state.withLock { $0.isVoid } }

    func makeVoid() { self.state.withLock { $0.isVoid = true } }
}
