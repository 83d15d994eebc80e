import GatewayCore
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import StateReplication
import Timing

/// Reads the statuses of one backend from the streams.
struct StatusReader: Sendable {
    let fleet: Fleet

    /// How long one read from a stream may take.
    private static let limit: Duration = .seconds(5)

    /// The current status.
    /// - Throws: `NotFound` for an unknown backend.
    func status(of backend: BackendID) async throws(GatewayError) -> StatusEntry {
        let known = self.fleet.locate(backend)
        let newest = try await self.ask { () async throws(PlaneError) in try await self.fleet.client.newestState(of: backend) }
        guard let newest else {
            // Of one that lives everything is in memory, so that nobody who asks often burdens the stream of the state.
            if let view = known?.view, let cluster = known?.cluster, let state = view.state, !state.isTerminal, !view.isEnding, let time = view.stateTime {
                var history = StatusHistory()
                _ = history.apply(BackendStateMessage(cluster: cluster, state: state, backend: backend, time: WireTime(time)))
                if let entry = history.last { return entry }
            }
            guard let known, let entry = try await self.fold([], of: known).history.last else { throw .backendNotFound }
            return entry
        }
        var history = StatusHistory()
        // The message before the last one says how the end was asked for.
        guard newest.state.isTerminal else {
            _ = history.apply(newest)
            guard let entry = history.last else { throw .backendNotFound }
            return entry
        }
        for message in try await self.messages(of: backend) { _ = history.apply(message) }
        _ = history.apply(newest)
        guard let entry = history.last else { throw .backendNotFound }
        return entry
    }

    /// Every status so far, oldest first, and the history with which later messages are interpreted.
    func history(of backend: BackendID, after seen: GatewayStatus?) async throws(GatewayError) -> (entries: [StatusEntry], history: StatusHistory) {
        let known = self.fleet.locate(backend)
        let messages = try await self.messages(of: backend)
        guard known != nil || !messages.isEmpty else { throw .backendNotFound }
        return try await self.fold(messages, of: known, after: seen)
    }

    /// - Parameters:
    ///   - messages: Of the public feed. Where it has none, because they are older than it keeps them, what the state holds takes their place.
    ///   - known: what the state says of the backend; nil where it has forgotten it.
    func fold(
        _ messages: [BackendStateMessage], of known: Fleet.Located?, after seen: GatewayStatus? = nil
    ) async throws(GatewayError) -> (entries: [StatusEntry], history: StatusHistory) {
        var history = StatusHistory(after: seen)
        var entries: [StatusEntry] = []
        guard let known, messages.isEmpty else {
            if let known, let time = try await self.assignmentTime(of: known) { entries += history.assigned(at: time) }
            for message in messages { entries += history.apply(message) }
            return (entries, history)
        }
        let kept = try await self.kept(of: known)
        if let time = kept.assignedAt { entries += history.assigned(at: time) }
        if let end = kept.endWithoutBeginning { entries += history.neverBegan(at: end) }
        for message in kept.messages { entries += history.apply(message) }
        return (entries, history)
    }

    /// What the state of the fleet holds of a backend, however old that is.
    func kept(of backend: Fleet.Located) async throws(GatewayError) -> KeptHistory {
        let client = self.fleet.client
        return try await self.ask { () async throws(PlaneError) in try await client.keptHistory(of: backend.view, in: backend.cluster) }
    }

    /// The statuses in the public feed, oldest first, without what lies in the middle of very many.
    func messages(of backend: BackendID) async throws(GatewayError) -> [BackendStateMessage] {
        try await self.fleet.reads.run { () async throws(GatewayError) in
            let client = self.fleet.client
            return try await self.ask { () async throws(PlaneError) in try await client.keptStates(of: backend, adding: Self.add) }
        }
    }

    /// How many statuses are kept. A backend has some ten; its drone may tell any number.
    static let mostMessages = 256

    static func add(_ message: BackendStateMessage, to messages: inout [BackendStateMessage]) {
        // Of those that say it was frozen and thawed the last one counts.
        if message.detail?.isHeld != nil, messages.last?.detail?.isHeld != nil { messages.removeLast() }
        messages.append(message)
        if messages.count > Self.mostMessages { messages.remove(at: Self.mostMessages / 2) }
    }

    /// When the state's stream stored the backend's assignment; nil if there is none.
    func assignmentTime(of backend: Fleet.Located) async throws(GatewayError) -> StateTime? {
        guard let drone = backend.view.drone else { return nil }
        // The subject depends on the lock, but not on the announcement.
        let lock = backend.view.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
        let subject = StateMessage.cluster(
            backend.cluster,
            .backend(BackendMessage(backend: backend.view.id, change: .assignment(BackendAssignment(drone: drone, lockAssignment: lock))))
        ).subject
        let jetStream = self.fleet.client.bus.connection.jetStream
        return try await self.ask { () async throws(PlaneError) in
            do throws(NATSError) {
                return try await jetStream.lastMessage(stream: StateStream.name, subject: subject).map { WireTime($0.published).stateTime }
            } catch {
                throw PlaneError(error)
            }
        }
    }

    func ask<Value: Sendable>(_ question: @escaping @Sendable () async throws(PlaneError) -> Value) async throws(GatewayError) -> Value {
        do throws(PlaneError) {
            guard let value = try await withTimeLimit(Self.limit, question) else {
                throw PlaneError.timedOut(work: "reading a stream", limit: Self.limit)
            }
            return value
        } catch {
            throw .unavailable("\(error)")
        }
    }
}
