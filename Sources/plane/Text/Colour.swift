import PlaneProtocol

/// Colours by their numbers in ECMA-48.
enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case grey = 90
}

extension BackendState {
    /// Green for running, yellow for starting, red for failed, grey for ended in order.
    var colour: Colour {
        switch self {
        case .ready: .green
        case .loading, .starting: .yellow
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .lost: .red
        case .exited, .swept, .terminated: .grey
        }
    }
}

extension DroneState {
    var colour: Colour {
        switch self {
        case .ready: .green
        case .starting, .draining, .drained: .yellow
        case .lost: .red
        case .stopped: .grey
        }
    }
}
