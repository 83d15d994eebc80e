import PlaneProtocol

extension Placement {
    /// The key of a list of holders.
    struct HolderKey: Hashable, Sendable {
        let image: ImageKey
        /// True for the drones where a container of the image waits, false for all that have the image.
        let isParked: Bool
    }
}

/// Which drones have an image. A drone is among the holders of its images exactly while it is a candidate.
extension Placement.Members {
    private typealias HolderKey = Placement.HolderKey

    mutating func setStarts(_ starts: StartReport?, of drone: DroneID) {
        guard let member = self.members[drone] else { return }
        if var starts, let known = member.starts, starts.takePlaces(of: known) {
            // Mostly only numbers have changed.
            self.members[drone]?.starts = starts
            return
        }
        let isCandidate = member.position != nil
        if isCandidate { self.removeFromHolders(drone) }
        self.members[drone]?.starts = starts
        if isCandidate { self.addToHolders(drone) }
    }

    mutating func addToHolders(_ drone: DroneID) {
        guard let member = self.members[drone], var starts = member.starts else { return }
        for index in starts.images.indices {
            let image = starts.images[index]
            starts.images[index].place = self.append(drone, to: HolderKey(image: image.key, isParked: false), in: member.list)
            if image.parked > 0 {
                starts.images[index].parkedPlace = self.append(drone, to: HolderKey(image: image.key, isParked: true), in: member.list)
            }
        }
        self.members[drone]?.starts = starts
    }

    mutating func removeFromHolders(_ drone: DroneID) {
        guard let member = self.members[drone], let starts = member.starts else { return }
        for image in starts.images {
            self.remove(at: image.place, from: HolderKey(image: image.key, isParked: false), in: member.list)
            self.remove(at: image.parkedPlace, from: HolderKey(image: image.key, isParked: true), in: member.list)
        }
        self.members[drone]?.starts?.leavePlaces()
    }

    /// A backend of this image was given to the drone, and gets a container that waits, if there is one.
    mutating func take(_ image: ImageKey, of drone: DroneID) {
        guard let list = self.members[drone]?.list, let place = self.members[drone]?.starts?.takeParked(image) else { return }
        self.remove(at: place, from: HolderKey(image: image, isParked: true), in: list)
    }

    private mutating func append(_ drone: DroneID, to key: HolderKey, in list: Placement.CandidateList) -> UInt32 {
        let place = self.holders[list]?[key]?.count ?? 0
        self.holders[list, default: [:]][key, default: []].append(drone)
        return UInt32(clamping: place)
    }

    /// Removes one holder; the last one moves to its place.
    private mutating func remove(at place: UInt32, from key: HolderKey, in list: Placement.CandidateList) {
        guard place != StartReport.noPlace, let last = self.holders[list]?[key]?.popLast() else { return }
        let count = self.holders[list]?[key]?.count ?? 0
        if Int(place) < count {
            self.holders[list]?[key]?[Int(place)] = last
            self.members[last]?.starts?.move(key, to: place)
        }
        if count == 0 { self.holders[list]?[key] = nil }
        if self.holders[list]?.isEmpty == true { self.holders[list] = nil }
    }
}
