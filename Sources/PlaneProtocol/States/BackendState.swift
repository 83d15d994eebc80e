/// What a backend is doing, or how it ended. Declared in the order that breaks ties between equal times.
package enum BackendState: String, JSONText, CaseIterable, Codable {
    /// Accepted; the image is being fetched, the container created.
    case loading = "Loading"
    /// The image could not be fetched, or the container not be created or started.
    case errorLoading = "ErrorLoading"
    /// The container runs, its port does not answer yet.
    case starting = "Starting"
    /// The container was gone when first looked at.
    case errorStarting = "ErrorStarting"
    /// The port answered HTTP.
    case ready = "Ready"
    /// The port did not answer in time.
    case timedOutBeforeReady = "TimedOutBeforeReady"
    /// Ended by itself with a non-zero status, or by a failure of ours after loading.
    case failed = "Failed"
    /// Ended by itself with status 0.
    case exited = "Exited"
    /// Stopped because nobody was connected for long enough.
    case swept = "Swept"
    /// Written off: its drone is gone.
    case lost = "Lost"
    /// Stopped because somebody asked for it.
    case terminated = "Terminated"

    /// Nothing follows: the backend never runs again.
    package var isTerminal: Bool {
        switch self {
        case .loading, .starting, .ready: false
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .exited, .swept, .lost, .terminated: true
        }
    }

    /// The container runs.
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
