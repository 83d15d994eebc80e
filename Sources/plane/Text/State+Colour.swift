import PlaneProtocol

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
