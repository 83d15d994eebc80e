import PlaneProtocol

/// Decides which of a drone's status messages are written to `plane_state`: every change of state at once, and a sign of life every 10 s. It
/// remembers what was written and has not come back from the stream yet.
struct DroneStatusThrottle {
    /// Interval between signs of life in the stream. Readers give a drone no backends after 30 s without one, so two may be missed.
    static let keepAliveInterval: Duration = .seconds(10)

    struct Key: Hashable {
        let drone: DroneID
        let cluster: ClusterName
    }

    /// What the state of the fleet says of a drone.
    struct Known {
        var state: DroneState?
        var lastSeen: StateTime?
    }

    /// The newest message written about a drone.
    private struct Entry {
        var state: DroneState
        var lastSeen: StateTime
        /// The message's stream sequence; nil until that is known.
        var sequence: UInt64?
    }

    /// Drones whose last write has not come back in the state of the fleet, or came back when they had nothing more to say.
    private var entries: [Key: Entry] = [:]
    /// When there are more, those that have come back are forgotten: of drones that say nothing more, be they gone or made up.
    private var limit = Self.smallestLimit
    private static let smallestLimit = 4096
    /// The incarnation of the stream to which `entries` were written.
    private var incarnation: UInt64 = 0

    var count: Int { self.entries.count }

    /// What to write, possibly nothing.
    /// - Parameters:
    ///   - sequence: how far the fleet had read the stream when `known` was taken from it.
    ///   - incarnation: the incarnation of that stream.
    mutating func heard(
        _ status: DroneStatusMessage, known: Known, stateSequence sequence: UInt64, incarnation: UInt64 = 0, now: StateTime
    ) -> [DroneMessage] {
        if incarnation != self.incarnation {
            // These messages are gone with the earlier stream.
            self.entries = [:]
            self.incarnation = incarnation
        }
        let key = Key(drone: status.droneID, cluster: status.cluster)
        if let written = self.entries[key]?.sequence, written <= sequence { self.entries[key] = nil }

        let pending = self.entries[key]
        let lastSeen = pending?.lastSeen ?? known.lastSeen
        let isNewState = (pending?.state ?? known.state) != status.state
        guard isNewState || lastSeen.map({ now.since($0) >= Self.keepAliveInterval }) ?? true else { return [] }

        self.entries[key] = Entry(state: status.state, lastSeen: now, sequence: nil)
        if self.entries.count > self.limit {
            self.entries = self.entries.filter { $0.value.sequence.map { $0 > sequence } ?? true }
            self.limit = max(Self.smallestLimit, 2 * self.entries.count)
        }
        let keepAlive = DroneMessage(drone: status.droneID, change: .keepAlive(at: now))
        return isNewState ? [DroneMessage(drone: status.droneID, change: .state(status.state, at: now)), keepAlive] : [keepAlive]
    }

    /// - Parameter sequence: the sequence of the last message; nil if not all could be written. Then they are forgotten, so that the drone's next message is
    ///   the next attempt.
    mutating func written(_ status: DroneStatusMessage, sequence: UInt64?) {
        let key = Key(drone: status.droneID, cluster: status.cluster)
        guard let sequence else {
            self.entries[key] = nil
            return
        }
        self.entries[key]?.sequence = sequence
    }
}
