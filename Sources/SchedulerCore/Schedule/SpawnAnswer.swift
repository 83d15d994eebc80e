package import PlaneProtocol

/// What came back when a drone was asked to run a backend.
package enum SpawnAnswer: Hashable, Sendable {
    case accepted
    /// It certainly does not run it; perhaps it says why.
    case refused(ErrorReply?)
    /// No agent listens there: this request reached nobody.
    case nobody
    /// Nothing in time, or nothing readable. It may run the backend or not.
    case silent
}
