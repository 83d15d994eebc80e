/// The state of a drone, as it reports it. States are declared in the order that decides between equal times.
package enum DroneState: String, JSONText, CaseIterable, Codable {
    case starting = "Starting"
    /// The drone takes new backends.
    case ready = "Ready"
    /// The drone keeps its backends, but takes no new ones.
    case draining = "Draining"
    case drained = "Drained"
    case stopped = "Stopped"
    /// The drone was silent for so long that its backends count as ended.
    case lost = "Lost"
}

extension DroneState: Comparable {
    package static func < (left: DroneState, right: DroneState) -> Bool { left.order < right.order }

    private var order: Int {
        switch self {
        case .starting: 0
        case .ready: 1
        case .draining: 2
        case .drained: 3
        case .stopped: 4
        case .lost: 5
        }
    }
}
