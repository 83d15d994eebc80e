import NATS
package import PlaneProtocol
import PlaneMessaging
import PlaneService
package import PlaneState
package import StateReplication

extension PlaneClient {
    /// A million messages arrive in a few seconds; longer means that the stream has no leader.
    private static let readLimit: Duration = .seconds(60)

    /// Reads the state once, as it is now.
    package func readState() async throws(PlaneError) -> FleetState { try await self.readMirror().snapshot }

    /// Reads the state once, as it is now. Unlike the result of `readState`, the mirror also shows what the messages tell about clocks.
    package func readMirror() async throws(PlaneError) -> StateMirror {
        let mirror = StateMirror()
        try await withTimeLimit(Self.readLimit, of: "reading the state from the stream \(StateStream.name)") { () async throws(PlaneError) in
            do throws(NATSError) {
                try await self.follower(of: mirror).readOnce()
            } catch {
                throw PlaneError(error)
            }
        }
        return mirror
    }

    /// Keeps `fleet` up to date until the task is cancelled or the connection is closed.
    /// - Throws: when the stream cannot be read at first, for instance because no scheduler has ever run. Servers use `mirrorState`.
    package func followState(into fleet: some FollowedState) async throws(PlaneError) {
        do throws(NATSError) {
            try await self.follower(of: fleet).follow()
        } catch {
            throw PlaneError(error)
        }
    }

    /// Keeps `fleet` up to date as a service: repeats the beginning until it succeeds. Ends when the task is cancelled or the connection is closed.
    package func mirrorState(into fleet: some FollowedState) async {
        await self.follower(of: fleet).run()
    }

    private func follower<Fleet: FollowedState>(of fleet: Fleet) -> StateFollower<Fleet> {
        StateFollower(jetStream: self.jetStream, fleet: fleet, logger: self.bus.logger)
    }

    /// The messages of the state: those kept, each the last of its subject, and later ones if they are wanted.
    package func stateMessages(follows: Bool) async throws(PlaneError) -> StreamEntries<StateMessage> {
        try await self.stored(StateMessage.self, in: StateStream.name, follows: follows)
    }

    /// Waits for the next heartbeat, and returns how far this machine's clock differed from that of the NATS server when it arrived.
    package func nextHeartbeat(limit: Duration) async throws(PlaneError) -> Duration {
        try await withTimeLimit(limit, of: "waiting for a heartbeat") { () async throws(PlaneError) in
            let heartbeats = try await self.stored(
                StateMessage.self, in: StateStream.name, subject: StateMessage.heartbeat.subject, from: .new, follows: true)
            for await heartbeat in heartbeats { return StateTime.now().since(heartbeat.published.stateTime) }
            throw Task.isCancelled ? .cancelled : .connectionEnded
        }
    }

    /// The newest message of the state on one subject.
    func lastStateMessage(on subject: String) async throws(PlaneError) -> StateMessage? {
        do throws(NATSError) {
            guard let message = try await self.jetStream.lastMessage(stream: StateStream.name, subject: subject) else { return nil }
            return try? WireCodec.decode(StateMessage.self, from: message.payload, subject: message.subject)
        } catch {
            throw PlaneError(error)
        }
    }
}
