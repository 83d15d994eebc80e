import PlaneProtocol

extension BackendState {
    /// Green runs, yellow is on its way, red went wrong, grey is over as it should be.
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
