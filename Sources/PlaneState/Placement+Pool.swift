import PlaneProtocol

extension Placement {
    /// The drones of one cluster.
    struct Pool: Sendable {
        private struct Member {
            var report: Report?
            /// Backends chosen for the drone whose choice is not settled yet.
            var pending = 0
            /// Index in `candidates`; nil while the drone is not among them.
            var position: Int?
        }

        private var members: [DroneID: Member] = [:]
        private var candidates: [DroneID] = []

        mutating func heard(_ report: Report, of drone: DroneID) {
            self.reconsider(drone)
            self.members[drone]?.report = report
        }

        /// Makes the drone a candidate again, because something about it has changed.
        mutating func reconsider(_ drone: DroneID) {
            guard self.members[drone]?.position == nil else { return }
            self.members[drone, default: Member()].position = self.candidates.count
            self.candidates.append(drone)
        }

        mutating func settle(_ drone: DroneID) {
            guard let pending = self.members[drone]?.pending, pending > 0 else { return }
            self.members[drone]?.pending = pending - 1
            self.reconsider(drone)
        }

        mutating func forget(_ drone: DroneID) {
            self.dismiss(drone)
            self.members[drone] = nil
        }

        func report(of drone: DroneID) -> Report? { self.members[drone]?.report }

        func lastHeard(_ drone: DroneID) -> StateTime? { self.members[drone]?.report?.heard }

        /// - Parameter load: how many backends a drone has and takes; nil for one that is not fit.
        mutating func choose(
            excluding excluded: Set<DroneID>, using generator: inout some RandomNumberGenerator, load: (DroneID, Report?) -> Load?
        ) -> DroneID? {
            guard let first = self.pick(excluding: excluded, butNot: nil, using: &generator, load: load) else { return nil }
            let second = self.pick(excluding: excluded, butNot: first.drone, using: &generator, load: load)
            let chosen = if let second, second.backends < first.backends { second.drone } else { first.drone }
            self.members[chosen]?.pending += 1
            return chosen
        }

        /// Picks a candidate that is fit, has room, and is not excluded. Candidates found unfit on the way leave the list.
        private mutating func pick(
            excluding excluded: Set<DroneID>, butNot other: DroneID?, using generator: inout some RandomNumberGenerator,
            load: (DroneID, Report?) -> Load?
        ) -> (drone: DroneID, backends: Int)? {
            // From a random place onwards: each candidate is looked at once at most, and normally only the first one is.
            guard !self.candidates.isEmpty else { return nil }
            var index = Int.random(in: self.candidates.indices, using: &generator)
            for _ in self.candidates.indices {
                if index >= self.candidates.count { index = 0 }
                let drone = self.candidates[index]
                if let backends = self.room(on: drone, load: load) {
                    if drone != other, !excluded.contains(drone) { return (drone, backends) }
                    index += 1
                } else {
                    self.dismiss(drone)  // another one takes its index
                    if self.candidates.isEmpty { return nil }
                }
            }
            return nil
        }

        /// The drone's load with what is pending; nil if it is not fit or full.
        private func room(on drone: DroneID, load: (DroneID, Report?) -> Load?) -> Int? {
            let member = self.members[drone]
            guard let load = load(drone, member?.report) else { return nil }
            let backends = load.backends + (member?.pending ?? 0)
            return backends < load.limit ?? .max ? backends : nil
        }

        private mutating func dismiss(_ drone: DroneID) {
            guard let position = self.members[drone]?.position else { return }
            let last = self.candidates.removeLast()
            if last != drone {
                self.candidates[position] = last
                self.members[last]?.position = position
            }
            self.members[drone]?.position = nil
        }
    }
}
