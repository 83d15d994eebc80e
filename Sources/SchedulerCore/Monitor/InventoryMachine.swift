import PlaneProtocol

/// Decides when a drone is asked what it runs, because it reports another number of backends than the state counts, and which backends are
/// given up after the answer.
///
/// The two numbers differ for a moment whenever an assignment or the report of an end is on its way, so only a difference that lasts counts. A
/// backend that the drone does not name may have been assigned a moment ago; it is given up only if the drone does not name it when asked
/// again. Time is an argument.
struct InventoryMachine {
    /// Time for which a difference has to last: longer than a schedule request takes, and three status messages.
    static let timeLimit: Duration = .seconds(12)
    /// Least time between two calls of one drone while its number differs and nothing is missing: under constant load the numbers may never be
    /// equal.
    static let pause: Duration = .seconds(60)

    typealias Drone = DroneStatusThrottle.Key

    private struct Suspicion {
        var since: StateTime
        /// When the drone is to be asked; later than `since`.
        var due: StateTime
        /// The backends that the drone did not name when it was asked last.
        var missing: Set<BackendID> = []
    }

    private var suspicions: [Drone: Suspicion] = [:]

    var count: Int { self.suspicions.count }

    /// - Parameter differing: all drones whose number of backends is not the fleet's, each with the time it was heard last.
    /// - Returns: those to ask.
    mutating func update(with differing: [Drone: StateTime], now: StateTime) -> [Drone] {
        self.suspicions = self.suspicions.filter { differing[$0.key] != nil }
        var due: [Drone] = []
        for (drone, heard) in differing {
            let suspicion = self.suspicions[drone] ?? Suspicion(since: now, due: now.adding(Self.timeLimit))
            self.suspicions[drone] = suspicion
            // The drone's latest number must be from after the difference was first seen.
            guard now >= suspicion.due, heard > suspicion.since else { continue }
            self.suspicions[drone]?.due = now.adding(Self.pause)
            due.append(drone)
        }
        return due
    }

    /// The drone has answered what it runs.
    /// - Parameter missing: backends that were assigned to it and had not ended, both before it was asked and after, and that it did not name.
    /// - Returns: the backends to give up.
    mutating func answered(_ drone: Drone, missing: Set<BackendID>, now: StateTime) -> Set<BackendID> {
        guard let suspicion = self.suspicions[drone] else { return [] }
        let gone = missing.intersection(suspicion.missing)
        let suspects = missing.subtracting(gone)
        self.suspicions[drone]?.missing = suspects
        if !suspects.isEmpty {
            self.suspicions[drone]?.since = now
            self.suspicions[drone]?.due = now.adding(Self.timeLimit)
        }
        return gone
    }
}
