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

    /// In a few words, for the log; nil where nothing is wrong.
    var problem: String? {
        switch self {
        case .accepted: nil
        case .refused(nil): "it refuses"
        case .refused(let reply?): "it refuses: \(reply)"
        case .nobody: "nobody listens there"
        case .silent: "no answer yet"
        }
    }

    /// Whether the drone may run the backend.
    var mayRun: Bool {
        switch self {
        case .accepted, .silent: true
        case .refused, .nobody: false
        }
    }
}
