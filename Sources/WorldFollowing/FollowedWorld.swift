package import PlaneProtocol

/// What a follower feeds: whoever keeps the fold of the stream `plane_state`, or something made from it.
///
/// Called by one task, in the order of the stream; a message may come twice, and is then to be ignored the second time.
package protocol FollowedWorld: Sendable {
    /// - Parameters:
    ///   - message: nil for one that could not be read; it counts all the same.
    ///   - incarnation: changes when the stream was deleted and made again, and counts from one again: what is known is then void.
    func apply(_ message: WorldStateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64)

    /// The follower begins to read a stream of this age. (The server's clock may be another machine's.)
    func began(streamAge age: Duration)

    /// Everything was purged from the stream.
    func lost()

    /// Every message about the backend was purged from the stream.
    /// - Parameter clusterToken: the cluster as subjects write it.
    func purged(_ backend: BackendID, clusterToken: String)

    /// The message at this place was deleted from the stream. If it was a backend's end, so was everything else about the backend, because
    /// that goes last.
    func deleted(at sequence: UInt64)

    /// Everything that was in the stream when the follower began has been applied. Called once.
    func caughtUp()
}
