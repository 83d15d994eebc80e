package import PlaneProtocol

/// Gets the messages of the stream `plane_state` from a `StateFollower`, and keeps the state of the fleet, or something made from it.
///
/// One task calls it, in the order of the stream. A message may come twice; an implementation ignores the second one.
package protocol FollowedState: Sendable {
    /// - Parameters:
    ///   - message: nil for a message that could not be read; its sequence counts nevertheless.
    ///   - incarnation: changes when the stream was deleted and made again. Its sequences begin with 1 again, and everything known before is void.
    func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64)

    /// The follower begins to read a stream whose age is `age`, by this machine's and the server's clocks.
    func began(streamAge age: Duration)

    /// Every backend that is known, ended ones too. Asked for after notices of purges may have been missed.
    var backendNames: [(backend: BackendID, cluster: ClusterName)] { get }

    /// Everything was purged from the stream. What is in it now is told again from its beginning.
    func lost()

    /// Every message about the backend was purged from the stream.
    /// - Parameter clusterToken: the cluster in the form used in subjects.
    func purged(_ backend: BackendID, clusterToken: String)

    /// The message with this sequence was deleted from the stream. If it was a backend's end, all other messages about the backend are gone
    /// too, because retention deletes the end last.
    func deleted(at sequence: UInt64)

    /// Everything that was in the stream when the follower began has been applied. Called once.
    func caughtUp()
}
