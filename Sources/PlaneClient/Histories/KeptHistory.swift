import NATS
package import PlaneProtocol
package import PlaneState
import StateReplication

/// The life of a backend as the state of the fleet holds it: which states it has reached and when, and how its end was asked for. The public feed says more,
/// and forgets it after some days; this is there as long as the fleet knows the backend.
package struct KeptHistory: Hashable, Sendable {
    /// When it was given to a drone; nil if that is not known.
    package private(set) var assignedAt: StateTime?
    /// What its drone has reported, in the order of a life, by the clock of the schedulers and without details.
    package private(set) var messages: [BackendStateMessage] = []
    /// When a scheduler has marked it as ended without a word of any drone; nil if that is not so.
    package private(set) var endWithoutBeginning: StateTime?

    /// One message of the state.
    struct Entry {
        var change: BackendMessage.Change
        /// When the stream stored it, by the NATS server's clock.
        var published: WireTime
    }

    /// - Parameter entries: In any order: that of the stream is not that of a life, where a message was written again.
    init(of backend: BackendID, in cluster: ClusterName, _ entries: [Entry]) {
        var lively: [BackendStateMessage] = []
        var end: BackendStateMessage?
        var ending: BackendEnding?
        for entry in entries {
            switch entry.change {
            case .assignment: self.assignedAt = entry.published.stateTime
            case .ending(let told): ending = told
            case .state(let state, let time):
                let message = BackendStateMessage(cluster: cluster, state: state, backend: backend, time: WireTime(time))
                if state.isTerminal { end = message } else { lively.append(message) }
            }
        }
        // What a scheduler marks by itself, because no drone took the backend, is that it was terminated.
        if lively.isEmpty, let end, end.state == .terminated {
            self.endWithoutBeginning = end.time.stateTime
            return
        }
        lively.sort { Self.place($0.state) < Self.place($1.state) }
        if let ending, let last = lively.last {
            var message = last
            message.detail = BackendStatusDetail(ending: ending)
            lively.append(message)
        }
        self.messages = lively + (end.map { [$0] } ?? [])
    }

    private static func place(_ state: BackendState) -> Int {
        switch state {
        case .loading: 0
        case .starting: 1
        case .ready: 2
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .exited, .swept, .lost, .terminated: 3
        }
    }
}

extension PlaneClient {
    /// What was told of a backend last. Of one that is older than the public feed it is what the state holds.
    /// - Returns: Nil where nothing is known of it.
    package func currentState(of backend: BackendID, in cluster: ClusterName) async throws(PlaneError) -> BackendStateMessage? {
        if let newest = try await self.newestState(of: backend) { return newest }
        return try await self.keptHistory(of: backend, in: cluster).messages.last
    }

    /// Reads what the state of the fleet holds of a backend; nothing where it does not know it.
    package func keptHistory(of backend: BackendID, in cluster: ClusterName) async throws(PlaneError) -> KeptHistory {
        var entries: [KeptHistory.Entry] = []
        let stored = try await self.stored(
            StateMessage.self, in: StateStream.name, subject: BackendMessage.subscription(backend: backend, cluster: cluster), follows: false)
        for await entry in stored {
            guard case .cluster(_, .backend(let message)) = entry.message else { continue }
            entries.append(KeptHistory.Entry(change: message.change, published: entry.published))
        }
        guard !Task.isCancelled else { throw .cancelled }
        return KeptHistory(of: backend, in: cluster, entries)
    }

    /// Reads the same of a backend that a mirror of the state knows, for callers who ask often: the view says which subjects there may be, and each holds one
    /// message. No consumer is made, which would have to look through the whole state.
    package func keptHistory(of view: BackendView, in cluster: ClusterName) async throws(PlaneError) -> KeptHistory {
        let jetStream = self.jetStream
        let subjects = Self.changes(of: view).map { StateMessage.cluster(cluster, .backend(BackendMessage(backend: view.id, change: $0))).subject }
        let answers = await withTaskGroup(of: Result<StreamMessage?, NATSError>.self) { group in
            for subject in subjects {
                group.addTask {
                    do throws(NATSError) {
                        return .success(try await jetStream.lastMessage(stream: StateStream.name, subject: subject))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var entries: [KeptHistory.Entry] = []
        do throws(NATSError) {
            for answer in answers {
                guard let stored = try answer.get(),
                    case .cluster(_, .backend(let message))? = try? WireCodec.decode(StateMessage.self, from: stored.payload, subject: stored.subject)
                else { continue }
                entries.append(KeptHistory.Entry(change: message.change, published: WireTime(stored.published)))
            }
        } catch {
            throw PlaneError(error)
        }
        return KeptHistory(of: view.id, in: cluster, entries)
    }

    /// Changes on whose subjects the state may hold a message of the backend. Only the subjects count, not what else is in them.
    private static func changes(of view: BackendView) -> [BackendMessage.Change] {
        var states: [BackendState] = [.loading, .starting, .ready]
        if let state = view.state, state.isTerminal { states.append(state) }
        var changes = states.map { BackendMessage.Change.state($0, at: StateTime(rawValue: 0)) }
        changes.append(.ending(BackendEnding(.soft, .external, at: WireTime(seconds: 0))))
        if let drone = view.drone {
            // The subject depends on the lock, but not on the announcement.
            let lock = view.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
            changes.append(.assignment(BackendAssignment(drone: drone, lockAssignment: lock)))
        }
        return changes
    }
}
