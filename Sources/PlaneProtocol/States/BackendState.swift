/// What a backend is doing, or how it ended. States are declared in the order that decides between equal times.
package enum BackendState: String, JSONText, CaseIterable, Codable {
    /// The backend is accepted; its image is being pulled, and its container made.
    case loading = "Loading"
    /// The image could not be pulled, or the container could not be made or started.
    case errorLoading = "ErrorLoading"
    /// The container runs, but its port does not answer yet.
    case starting = "Starting"
    /// The container had ended when it was first inspected.
    case errorStarting = "ErrorStarting"
    /// The port has answered HTTP.
    case ready = "Ready"
    /// The port did not answer in time.
    case timedOutBeforeReady = "TimedOutBeforeReady"
    /// The backend ended by itself with an exit code other than 0, or because of a failure on the drone after loading.
    case failed = "Failed"
    /// The backend ended by itself with the exit code 0.
    case exited = "Exited"
    /// The backend was ended because nobody was connected for long enough.
    case swept = "Swept"
    /// The backend counts as ended because its drone is gone.
    case lost = "Lost"
    /// The backend was ended because somebody asked for it.
    case terminated = "Terminated"

    /// Whether the state is an end, after which the backend never runs again.
    package var isTerminal: Bool {
        switch self {
        case .loading, .starting, .ready: false
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .exited, .swept, .lost, .terminated: true
        }
    }

    /// Whether the container runs.
    package var isRunning: Bool { self == .starting || self == .ready }
}

extension BackendState: Comparable {
    package static func < (left: BackendState, right: BackendState) -> Bool { left.order < right.order }

    private var order: Int {
        switch self {
        case .loading: 0
        case .errorLoading: 1
        case .starting: 2
        case .errorStarting: 3
        case .ready: 4
        case .timedOutBeforeReady: 5
        case .failed: 6
        case .exited: 7
        case .swept: 8
        case .lost: 9
        case .terminated: 10
        }
    }
}
