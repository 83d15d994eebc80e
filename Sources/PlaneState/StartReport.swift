import PlaneProtocol

/// What a drone has said of its starts, as placement keeps it: 32 bytes for each name and digest of an image.
struct StartReport: Sendable {
    struct Image: Sendable {
        let key: ImageKey
        let readyMilliseconds: UInt32
        let parkedReadyMilliseconds: UInt32
        /// Containers that wait, less those that this process has given away since.
        var parked: UInt32
        /// The drone's index among the holders of the image, and among the holders of containers of it that wait; `noPlace` if it is not among them.
        var place = StartReport.noPlace
        var parkedPlace = StartReport.noPlace
    }

    static let noPlace = UInt32.max

    /// The milliseconds assumed for a drone that has not started or pulled anything yet: those of a server in an interpreted language, and of an image of
    /// some 200 MB.
    private static let unknownReady: UInt32 = 1000
    private static let unknownPull: UInt32 = 10_000
    private static let unknownProcessors: UInt32 = 2

    /// Sorted by key, each key once.
    var images: [Image]
    private let readyMilliseconds: UInt32
    private let pullMilliseconds: UInt32
    private let processors: UInt32
    private let heard: StateTime

    /// - Parameter heard: by this process's clock.
    init(_ starts: DroneStarts, heard: StateTime) {
        let ready = starts.readyMilliseconds ?? Self.unknownReady
        var images: [Image] = []
        images.reserveCapacity(2 * starts.images.count)
        for image in starts.images {
            let imageReady = image.readyMilliseconds ?? ready
            let names = [image.name] + (image.digest.map { ["\(image.name)@\($0)"] } ?? [])
            for name in names {
                images.append(
                    Image(
                        key: ImageKey(name), readyMilliseconds: imageReady, parkedReadyMilliseconds: image.parkedReadyMilliseconds ?? imageReady / 2,
                        parked: image.parked))
            }
        }
        images.sort { $0.key < $1.key }
        var last: ImageKey?
        images.removeAll { image in
            defer { last = image.key }
            return image.key == last
        }
        self.images = images
        self.readyMilliseconds = ready
        self.pullMilliseconds = starts.pullMilliseconds ?? Self.unknownPull
        self.processors = max(1, starts.processors ?? Self.unknownProcessors)
        self.heard = heard
    }

    /// Whether the report is younger than `DroneStarts.lifetime`.
    func counts(at now: StateTime) -> Bool { now.since(self.heard) < DroneStarts.lifetime }

    /// The milliseconds until a backend that is given to the drone now is ready. The drone's figures are of starts that had the machine mostly to themselves;
    /// those under way share its processors, and its line to the registry.
    func prediction(for image: ImageKey, underWay: Int) -> Double {
        let queue = 1 + Double(underWay) / Double(self.processors)
        guard let index = self.index(of: image) else { return Double(self.pullMilliseconds) + Double(self.readyMilliseconds) * queue }
        let image = self.images[index]
        return Double(image.parked > 0 ? image.parkedReadyMilliseconds : image.readyMilliseconds) * queue
    }

    private func index(of key: ImageKey) -> Int? {
        var (low, high) = (0, self.images.count)
        while low < high {
            let middle = (low + high) / 2
            if self.images[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low < self.images.count && self.images[low].key == key ? low : nil
    }

    // MARK: Places among the holders

    /// Takes over the places of an earlier report, if they are all the same.
    /// - Returns: whether they are. If not, nothing is taken over.
    mutating func takePlaces(of earlier: StartReport) -> Bool {
        let isSame = self.images.elementsEqual(earlier.images) { $0.key == $1.key && ($0.parked > 0) == ($1.parked > 0) }
        guard isSame else { return false }
        for index in self.images.indices {
            self.images[index].place = earlier.images[index].place
            self.images[index].parkedPlace = earlier.images[index].parkedPlace
        }
        return true
    }

    mutating func leavePlaces() {
        for index in self.images.indices {
            self.images[index].place = Self.noPlace
            self.images[index].parkedPlace = Self.noPlace
        }
    }

    mutating func move(_ key: Placement.HolderKey, to place: UInt32) {
        guard let index = self.index(of: key.image) else { return }
        if key.isParked { self.images[index].parkedPlace = place } else { self.images[index].place = place }
    }

    /// Counts one waiting container less of an image.
    /// - Returns: the drone's place among those where one waits, if it was the last.
    mutating func takeParked(_ image: ImageKey) -> UInt32? {
        guard let index = self.index(of: image), self.images[index].parked > 0 else { return nil }
        self.images[index].parked -= 1
        guard self.images[index].parked == 0, self.images[index].parkedPlace != Self.noPlace else { return nil }
        defer { self.images[index].parkedPlace = Self.noPlace }
        return self.images[index].parkedPlace
    }
}
