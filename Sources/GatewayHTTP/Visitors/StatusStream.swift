import GatewayCore
import PlaneProtocol

/// The statuses of one backend as a stream of events: the earlier ones, then those that come, until the backend has ended.
struct StatusStream: Sendable {
    let fleet: Fleet

    /// - Parameter lastEventID: the last status that the client has received; an unknown word counts as none.
    func reply(for backend: BackendID, lastEventID: String?) async throws(GatewayError) -> Reply {
        let seen = lastEventID.flatMap { GatewayStatus(rawValue: $0.trimmed) }
        // Nothing follows. The status 204 makes a browser stop connecting again.
        if seen == .terminated { return Reply(status: 204) }
        let fleet = self.fleet
        try await fleet.demandFollowing()
        // Subscribes before the earlier statuses are read, so that no status is missed in between.
        let push = StatusPush()
        let subscription = fleet.hub.subscribe(to: backend, push)
        let (entries, history) = try await StatusReader(fleet: fleet).history(of: backend, after: seen)
        return .events(Reply.PushedStream(subscription: subscription) { push.begin(entries, history, $0) })
    }
}
