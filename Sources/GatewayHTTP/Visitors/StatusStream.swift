import GatewayCore
import PlaneProtocol
import Timing

/// The statuses of one backend as a stream of events: those that were, then those that come, to the end of the backend.
struct StatusStream: Sendable {
    let fleet: Fleet

    /// For the reader of the stream to be there, and for what was.
    private static let beginLimit: Duration = .seconds(8)

    /// - Parameter lastEventID: the status that the client has seen last; an unknown word counts as none.
    func reply(for backend: BackendID, lastEventID: String?) async throws(GatewayFailure) -> Reply {
        let seen = lastEventID.flatMap { GatewayStatus(rawValue: $0.trimmed) }
        // Nothing follows; this answer makes a browser stop asking.
        if seen == .terminated { return Reply(status: 204) }
        let fleet = self.fleet
        let hub = fleet.hub
        guard
            await withTimeLimit(
                Self.beginLimit,
                { () async -> Bool in
                    await hub.waitUntilFollowing()
                    return !Task.isCancelled
                }) == true
        else { throw .unavailable("statuses are not followed") }
        // Asked for before the past is read, so that nothing falls between the two.
        let subscription = hub.subscribe(to: backend)
        let (entries, history) = try await StatusReader(fleet: fleet).history(of: backend, after: seen)
        return .events { writer in
            var history = history
            for entry in entries { try await writer.write(entry.event) }
            guard !history.hasEnded else { return }
            for await event in subscription.events {
                switch event {
                case .message(let message): for entry in history.apply(message) { try await writer.write(entry.event) }
                case .tick: try await writer.write(EventStreamText.keepAlive)
                }
                if history.hasEnded { return }
            }
        }
    }
}
