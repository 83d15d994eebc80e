package import PlaneProtocol

/// A backend's status in the terms of Plane 0.5, in the order of a backend's life.
package enum GatewayStatus: String, JSONText, CaseIterable, Codable, Comparable {
    case scheduled, loading, starting, waiting, ready, terminating
    case hardTerminating = "hard-terminating"
    case terminated

    /// A number that grows from each status to every later one.
    package var rank: Int {
        switch self {
        case .scheduled: 10
        case .loading: 20
        case .starting: 30
        case .waiting: 40
        case .ready: 50
        case .terminating: 60
        case .hardTerminating: 65
        case .terminated: 70
        }
    }

    package static func < (left: GatewayStatus, right: GatewayStatus) -> Bool { left.rank < right.rank }

    /// The status of a backend as the state shows it.
    /// - Parameters:
    ///   - state: nil while only the assignment is known.
    ///   - ending: how its end was begun; nil for not.
    package init(_ state: BackendState?, ending: BackendEnding.Kind?) {
        self =
            switch state {
            case let state? where state.isTerminal: .terminated
            case _ where ending == .hard: .hardTerminating
            case _ where ending == .soft: .terminating
            case nil: .scheduled
            case .loading?: .loading
            case .starting?: .waiting
            case .ready?: .ready
            case .errorLoading?, .errorStarting?, .timedOutBeforeReady?, .failed?, .exited?, .swept?, .lost?, .terminated?: .terminated
            }
    }
}

/// Why a backend ends.
package enum TerminationReason: String, JSONText, CaseIterable, Codable {
    case swept, external, lost
    case keyExpired = "keyexpired"
    case startupTimeout = "startuptimeout"
    case internalError = "internalerror"

    /// Nil for a reason that only newer agents know.
    init?(_ reason: BackendEnding.Reason) { self.init(rawValue: reason.rawValue) }
}
