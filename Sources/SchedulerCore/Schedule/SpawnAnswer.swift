package import PlaneProtocol

/// The outcome of asking a drone to run a backend.
package enum SpawnAnswer: Hashable, Sendable {
    case accepted
    /// The drone does not run it, and may say why.
    case refused(ErrorReply?)
    /// No agent listens there, so the request reached nobody.
    case nobody
    /// No answer in time, or one that cannot be read. The drone may run the backend or not.
    case silent
    /// The drone has refused to be asked once, and has not answered when it was asked again. It may run the backend or not.
    case undecided(ErrorReply?)

    /// The problem in a few words, for the log; nil if there is none.
    var problem: String? {
        switch self {
        case .accepted: nil
        case .refused(nil): "it refuses"
        case .refused(let reply?): "it refuses: \(reply)"
        case .nobody: "nobody listens there"
        case .silent: "no answer yet"
        case .undecided(nil): "it refuses, and does not answer when it is asked again"
        case .undecided(let reply?): "it refuses, and does not answer when it is asked again: \(reply)"
        }
    }

    /// Whether the drone may run the backend.
    var mayRun: Bool {
        switch self {
        case .accepted, .silent, .undecided: true
        case .refused, .nobody: false
        }
    }
}
