import PlaneProtocol
import Synchronization

/// Counts the reports of each drone that wait for an assignment, so that a drone that reports invented backends does not keep others waiting.
final class WaitingReports: Sendable {
    /// Most waiting reports of one drone: as many as an agent delivers at the same time.
    private static let mostOfOneDrone = 64

    private let counts = Mutex<[DroneID: Int]>([:])

    /// - Returns: false if the drone has as many as it may.
    func enter(_ drone: DroneID) -> Bool {
        self.counts.withLock { counts in
            guard counts[drone, default: 0] < Self.mostOfOneDrone else { return false }
            counts[drone, default: 0] += 1
            return true
        }
    }

    func leave(_ drone: DroneID) {
        self.counts.withLock { counts in
            guard let count = counts[drone] else { return }
            counts[drone] = count > 1 ? count - 1 : nil
        }
    }
}
