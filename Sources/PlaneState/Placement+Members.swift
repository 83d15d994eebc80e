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

    /// A drone that was picked, with what it is compared by.
    struct Candidate: Sendable {
        let drone: DroneID
        /// Its backends, including those that it was chosen for and that the state does not show yet.
        let backends: Int
        /// After how long the backend would be ready there; nil if the drone has not said enough, or the request does not ask.
        let readyMilliseconds: Double?

        /// A prediction of less than this part of another one is clearly better; a smaller difference is chance.
        private static let clearly = 0.75
        /// The faster drone is passed over when it has more than twice the backends of the other, and this many besides.
        private static let headStart = 16

        func isBetter(than other: Candidate) -> Bool {
            guard let own = self.readyMilliseconds, let others = other.readyMilliseconds else { return self.backends < other.backends }
            if own < others * Self.clearly { return !self.isFarFuller(than: other) }
            if others < own * Self.clearly { return other.isFarFuller(than: self) }
            return self.backends < other.backends || self.backends == other.backends && own < others
        }

        private func isFarFuller(than other: Candidate) -> Bool { self.backends > 2 * other.backends + Self.headStart }
    }

    /// The drones of one cluster.
    struct Members: Sendable {
        struct Member {
            var report: Report?
            /// Nil for a drone that does not say how soon backends are ready.
            var starts: StartReport?
            /// Backends chosen for the drone whose choice is not settled yet.
            var pending = 0
            /// The list on which it is a candidate, or was last.
            var list = CandidateList.legacy
            /// Index in that list; nil while the drone is not on it.
            var position: Int?
        }

        /// A list of drones from which one is picked.
        private enum Source {
            case candidates(CandidateList)
            case holders(CandidateList, HolderKey)
        }

        var members: [DroneID: Member] = [:]
        private var lists: [CandidateList: [DroneID]] = [:]
        /// The candidates of each list that have an image, or a container of it that waits.
        var holders: [CandidateList: [HolderKey: [DroneID]]] = [:]

        /// - Parameters:
        ///   - starts: nil in most messages, where nothing has changed.
        ///   - isRegistered: Only then the drone may be chosen.
        ///   - room: how many more images may be kept.
        /// - Returns: how many more images are kept than before, less than 0 for fewer.
        mutating func heard(_ report: Report, _ starts: StartReport?, of drone: DroneID, isRegistered: Bool, room: Int) -> Int {
            self.members[drone, default: Member()].report = report
            // A drone that is full or not ready would be taken off the list again by the next choice.
            if isRegistered, report.state == .ready, report.statedBackends ?? 0 < report.maxBackends ?? .max { self.reconsider(drone) }
            let known = self.members[drone]?.starts
            if let starts {
                let more = starts.images.count - (known?.images.count ?? 0)
                if more <= room {
                    self.setStarts(starts, of: drone)
                    return more
                }
                // What was said before counts no more, either.
            } else {
                guard let known, !known.counts(at: report.heard) else { return 0 }
            }
            guard let known else { return 0 }
            self.setStarts(nil, of: drone)
            return -known.images.count
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
            self.addToHolders(drone)
        }

        /// Removes starts that are older than `DroneStarts.lifetime`.
        /// - Returns: of how many images.
        mutating func forgetOldStarts(at time: StateTime) -> Int {
            var images = 0
            for (drone, member) in self.members {
                guard let starts = member.starts, !starts.counts(at: time) else { continue }
                images += starts.images.count
                self.setStarts(nil, of: drone)
            }
            return images
        }

        mutating func settle(_ drone: DroneID) {
            guard let pending = self.members[drone]?.pending, pending > 0 else { return }
            self.members[drone]?.pending = pending - 1
            self.reconsider(drone)
        }

        /// - Returns: how many images were forgotten.
        mutating func forget(_ drone: DroneID) -> Int {
            self.dismiss(drone)
            return self.members.removeValue(forKey: drone)?.starts?.images.count ?? 0
        }

        func report(of drone: DroneID) -> Report? { self.members[drone]?.report }

        func lastHeard(_ drone: DroneID) -> StateTime? { self.members[drone]?.report?.heard }

        /// - Parameters:
        ///   - lists: the lists whose drones fit the request; two at most.
        ///   - image: what is to be run; nil if it does not count how soon the backend is ready.
        ///   - look: what is found out about a drone for this request.
        mutating func choose(
            from lists: [CandidateList], _ image: ImageKey?, excluding excluded: Set<DroneID>, now: StateTime,
            using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) -> DroneID? {
            var draw = Draw(image: image, excluded: excluded, time: now)
            let candidates = lists.map { Source.candidates($0) }
            guard var best = self.pick(from: candidates, draw, using: &generator, look: look) else { return nil }
            self.improve(&best, from: candidates, &draw, times: 1, using: &generator, look: look)
            if let image {
                for isParked in [false, true] {
                    let key = HolderKey(image: image, isParked: isParked)
                    let sources = lists.filter { self.holders[$0]?[key] != nil }.map { Source.holders($0, key) }
                    if !sources.isEmpty { self.improve(&best, from: sources, &draw, times: 2, using: &generator, look: look) }
                }
                self.take(image, of: best.drone)
            }
            self.members[best.drone]?.pending += 1
            return best.drone
        }

        /// What is the same for all picks of one choice.
        private struct Draw {
            let image: ImageKey?
            let excluded: Set<DroneID>
            let time: StateTime
            /// The best one so far, which is not picked again.
            var present: DroneID?
        }

        /// Picks some more, and keeps the best.
        private mutating func improve(
            _ best: inout Candidate, from sources: [Source], _ draw: inout Draw, times: Int,
            using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) {
            for _ in 0..<times {
                draw.present = best.drone
                guard let other = self.pick(from: sources, draw, using: &generator, look: look) else { return }
                if other.isBetter(than: best) { best = other }
            }
        }

        /// Picks from one of the sources, with a probability proportional to its length, and from the next one if that has nothing.
        private mutating func pick(
            from sources: [Source], _ draw: Draw, using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) -> Candidate? {
            let lengths = sources.map { self.count(of: $0) }
            let total = lengths.reduce(0, +)
            guard total > 0 else { return nil }
            let isFirst = sources.count < 2 || Int.random(in: 0..<total, using: &generator) < lengths[0]
            for source in isFirst ? sources : sources.reversed() {
                if let found = self.pick(from: source, draw, using: &generator, look: look) { return found }
            }
            return nil
        }

        /// Picks a candidate that is fit, has room, and is not excluded. Candidates found unfit or on the wrong list leave the list.
        private mutating func pick(
            from source: Source, _ draw: Draw, using generator: inout some RandomNumberGenerator, look: (DroneID, Report?) -> Finding
        ) -> Candidate? {
            // Candidates are tried from a random index on, each at most once; normally the first one fits.
            let count = self.count(of: source)
            guard count > 0 else { return nil }
            var index = Int.random(in: 0..<count, using: &generator)
            for _ in 0..<count {
                let left = self.count(of: source)
                if index >= left { index = 0 }
                guard left > 0, let drone = self.drone(at: index, of: source), let member = self.members[drone] else { return nil }
                switch look(drone, member.report) {
                case .fits(let load):
                    let backends = load.backends + member.pending
                    if backends >= load.limit ?? .max {
                        self.dismiss(drone)  // another one takes its index
                    } else if drone != draw.present, !draw.excluded.contains(drone) {
                        let starts = member.starts.flatMap { $0.counts(at: draw.time) ? $0 : nil }
                        let ready = draw.image.flatMap { starts?.prediction(for: $0, underWay: load.starting + member.pending) }
                        return Candidate(drone: drone, backends: backends, readyMilliseconds: ready)
                    } else {
                        index += 1
                    }
                case .isUnfit: self.dismiss(drone)
                case .belongs(let right): self.reconsider(drone, in: right)
                }
            }
            return nil
        }

        private func count(of source: Source) -> Int {
            switch source {
            case .candidates(let list): self.lists[list]?.count ?? 0
            case .holders(let list, let key): self.holders[list]?[key]?.count ?? 0
            }
        }

        private func drone(at index: Int, of source: Source) -> DroneID? {
            switch source {
            case .candidates(let list): self.lists[list]?[index]
            case .holders(let list, let key): self.holders[list]?[key]?[index]
            }
        }

        private mutating func dismiss(_ drone: DroneID) {
            guard let member = self.members[drone], let position = member.position, let last = self.lists[member.list]?.popLast() else { return }
            self.removeFromHolders(drone)
            if last != drone {
                self.lists[member.list]?[position] = last
                self.members[last]?.position = position
            }
            if self.lists[member.list]?.isEmpty == true { self.lists[member.list] = nil }
            self.members[drone]?.position = nil
        }
    }
}
