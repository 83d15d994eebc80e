/// What a drone says of itself. Declared in the order that breaks ties between equal times.
package enum DroneState: String, JSONText, CaseIterable, Codable {
    case starting = "Starting"
    /// Takes new backends.
    case ready = "Ready"
    /// Keeps its backends, takes no new ones.
    case draining = "Draining"
    case drained = "Drained"
    case stopped = "Stopped"
    /// Not heard of for so long that its backends were written off.
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
