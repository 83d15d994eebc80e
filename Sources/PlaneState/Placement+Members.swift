import PlaneProtocol

extension Placement {
    /// The lists of drones from which one is chosen.
    enum CandidateList: Hashable, Sendable {
        /// Drones of this pool.
        case pool(PoolName)
        /// Drones of version 0.3.24, which know neither pools nor the other additions to its protocol.
        case legacy

        init(_ abilities: DroneAbilities?) {
            self = abilities?.pool.map { .pool($0) } ?? .legacy
        }
    }

    /// What is found out about a candidate when it is picked.
    enum Finding: Sendable {
        case fits(Load)
        case isUnfit
        /// The drone belongs on this other list, because it has reported another pool meanwhile.
        case belongs(CandidateList)
    }

    /// The drones of one cluster.
    struct Members: Sendable {
        private struct Member {
            var report: Report?
            /// Backends chosen for the drone whose choice is not settled yet.
            var pending = 0
            /// The list on which it is a candidate, or was last.
            var list = CandidateList.legacy
            /// Index in that list; nil while the drone is not on it.
            var position: Int?
        }

        private var members: [DroneID: Member] = [:]
        private var lists: [CandidateList: [DroneID]] = [:]

        mutating func heard(_ report: Report, of drone: DroneID) {
            self.reconsider(drone)
            self.members[drone]?.report = report
        }

        /// Makes the drone a candidate again, because something about it has changed.
        /// - Parameter list: nil for the one it was on last.
        mutating func reconsider(_ drone: DroneID, in list: CandidateList? = nil) {
            if let list, let present = self.members[drone]?.list, present != list { self.dismiss(drone) }
            guard self.members[drone]?.position == nil else { return }
            let list = list ?? self.members[drone]?.list ?? .legacy
            self.members[drone, default: Member()].list = list
            self.members[drone]?.position = self.lists[list]?.count ?? 0
            self.lists[list, default: []].append(drone)
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

        /// - Parameters:
        ///   - lists: the lists whose drones fit the request; two at most.
        ///   - look: what is found out about a drone for this request.
        mutating func choose(
            from lists: [CandidateList], excluding excluded: Set<DroneID>, using generator: inout some RandomNumberGenerator,
            look: (DroneID, Report?) -> Finding
        ) -> DroneID? {
            guard let first = self.pick(from: lists, excluding: excluded, butNot: nil, using: &generator, look: look) else { return nil }
            let second = self.pick(from: lists, excluding: excluded, butNot: first.drone, using: &generator, look: look)
            let chosen = if let second, second.backends < first.backends { second.drone } else { first.drone }
            self.members[chosen]?.pending += 1
            return chosen
        }

        /// Picks from one of the lists, with a probability proportional to its length, and from the next one if that list has nothing.
        private mutating func pick(
            from lists: [CandidateList], excluding excluded: Set<DroneID>, butNot other: DroneID?,
            using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) -> (drone: DroneID, backends: Int)? {
            let lengths = lists.map { self.lists[$0]?.count ?? 0 }
            let total = lengths.reduce(0, +)
            guard total > 0 else { return nil }
            let isFirst = lists.count < 2 || Int.random(in: 0..<total, using: &generator) < lengths[0]
            for list in isFirst ? lists : lists.reversed() {
                if let found = self.pick(from: list, excluding: excluded, butNot: other, using: &generator, look: look) { return found }
            }
            return nil
        }

        /// Picks a candidate that is fit, has room, and is not excluded. Candidates found unfit or on the wrong list leave the list.
        private mutating func pick(
            from list: CandidateList, excluding excluded: Set<DroneID>, butNot other: DroneID?,
            using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) -> (drone: DroneID, backends: Int)? {
            // Candidates are tried from a random index on, each at most once; normally the first one fits.
            guard let count = self.lists[list]?.count, count > 0 else { return nil }
            var index = Int.random(in: 0..<count, using: &generator)
            for _ in 0..<count {
                guard let left = self.lists[list]?.count else { return nil }
                if index >= left { index = 0 }
                guard let drone = self.lists[list]?[index] else { return nil }
                let member = self.members[drone]
                switch look(drone, member?.report) {
                case .fits(let load):
                    let backends = load.backends + (member?.pending ?? 0)
                    if backends >= load.limit ?? .max {
                        self.dismiss(drone)  // another one takes its index
                    } else if drone != other, !excluded.contains(drone) {
                        return (drone, backends)
                    } else {
                        index += 1
                    }
                case .isUnfit: self.dismiss(drone)
                case .belongs(let right): self.reconsider(drone, in: right)
                }
            }
            return nil
        }

        private mutating func dismiss(_ drone: DroneID) {
            guard let member = self.members[drone], let position = member.position, let last = self.lists[member.list]?.popLast() else { return }
            if last != drone {
                self.lists[member.list]?[position] = last
                self.members[last]?.position = position
            }
            if self.lists[member.list]?.isEmpty == true { self.lists[member.list] = nil }
            self.members[drone]?.position = nil
        }
    }
}
