import DockerEngine
import PlaneProtocol
import Timing

/// Decides when containers are parked and taken away, and who gets one. Knows nothing of Docker and the time, which is an argument: time since some
/// moment, by a clock that nobody sets.
struct ParkedPoolMachine {
    /// What is to be done next.
    enum Step: Hashable {
        /// Look which image the kind's name stands for; answered with `imageInspected` or `inspectionFailed`.
        case inspectImage(kind: Int)
        /// Begin one of this name; answered with `made` or `makingFailed`.
        case make(kind: Int, name: String)
        /// Remove this one.
        case remove(String)
        case rename(String, to: String)
        /// Nothing for this long.
        case wait(Duration)
    }

    /// After the last start of a backend, before a container is parked: the program that was started has the processor first.
    private static let quiet = Duration.milliseconds(250)
    /// Where one start follows the other all the time, one is parked nevertheless when the pool has been short for this long.
    private static let timeLimit = Duration.seconds(5)
    /// A start that has not told its end by then has none to tell; the engine's own limit is the same.
    private static let longestStart = Duration.seconds(120)
    /// Between two looks at an image that may have got another meaning.
    static let inspectionPause = Duration.seconds(30)
    /// Under pressure, between one that is given up and the next.
    static let shrinkPause = Duration.seconds(10)
    /// One that has waited for longer has not ended for what it was made with.
    private static let steadyAfter = Duration.seconds(60)
    /// After one that could not be made, or ended by itself, of one kind.
    private static let pauses = RetrySchedule(.seconds(1), .seconds(5), .seconds(15), .seconds(60), .seconds(300))

    private struct Waiting {
        var container: ParkedContainer
        var since: Duration
    }

    private struct Slot {
        var kind: ParkedKind
        /// Nil while it is not known, or not to be had.
        var image: ImageInspection?
        var free: [Waiting] = []
        var failures = 0
        var notBefore = Duration.zero
        var inspectedAt: Duration?
    }

    /// The drone takes no backends, so it needs none.
    var isDraining = false
    /// The machine has little memory or disk left.
    var isPressed = false
    /// How many backends more the drone may run; nil for any number. More containers than that would wait in vain.
    var room: Int?
    /// Those of the configuration first, then those that were learned.
    private var slots: [Slot]
    private let configured: Int
    private var making: (kind: Int, name: String)?
    private var doomed: [String] = []
    private var renames: [(id: String, name: String)] = []
    private var underWay: [BackendID: Duration] = [:]
    private var lastStart: Duration?
    private var shortSince: Duration?
    private var lastShrink: Duration?

    init(_ kinds: [ParkedKind]) {
        self.slots = kinds.map { Slot(kind: $0) }
        self.configured = kinds.count
    }

    /// How many kinds there are. Their numbers stay what they are, except when some are learned.
    var kinds: Range<Int> { self.slots.indices }

    /// Takes these kinds in place of those that were learned before. What is parked of a kind that stays is kept. To be called between two steps: it changes
    /// the numbers of kinds.
    ///
    /// - Returns: whether anything has changed.
    mutating func learn(_ kinds: [ParkedKind]) -> Bool {
        guard self.making == nil else { return false }
        let fixed = self.slots[..<self.configured].map(\.kind.specification)
        var earlier = Array(self.slots[self.configured...])
        let before = earlier.map(\.kind)
        let learned = kinds.filter { !fixed.contains($0.specification) }.map { kind -> Slot in
            guard let index = earlier.firstIndex(where: { $0.kind.specification == kind.specification }) else { return Slot(kind: kind) }
            var slot = earlier.remove(at: index)
            slot.kind = kind
            return slot
        }
        self.doomed += earlier.flatMap { $0.free.map(\.container.id) }
        self.slots.replaceSubrange(self.configured..., with: learned)
        return learned.map(\.kind) != before
    }

    func kind(_ index: Int) -> ParkedKind { self.slots[index].kind }

    func image(_ index: Int) -> ImageInspection? { self.slots[index].image }

    /// What the engine may list, and is not to be taken for left behind: ids, and the name of the one that is being made.
    var known: Set<String> { Set(self.free + self.doomed).union(self.making.map { [$0.name] } ?? []) }

    /// Those that wait, by the engine's id.
    var free: [String] { self.slots.flatMap { $0.free.map(\.container.id) } }

    /// How many wait, by image.
    var waiting: [String: UInt32] {
        var counts: [String: UInt32] = [:]
        for slot in self.slots where !slot.free.isEmpty { counts[slot.kind.image, default: 0] += UInt32(clamping: slot.free.count) }
        return counts
    }

    /// The kind whose containers can stand for one that would be made so; nil for none.
    func kind(for specification: ContainerSpec) -> Int? {
        let wanted = specification.withoutWhatComesLate
        return self.slots.firstIndex { $0.kind.specification == wanted }
    }

    func hasFree(_ kind: Int) -> Bool { !self.slots[kind].free.isEmpty }

    // MARK: - Claims

    /// - Parameter image: What the request's image is at this moment. Containers of another one are given up.
    /// - Returns: Nil when none waits.
    mutating func claim(_ kind: Int, image: ImageInspection) -> ParkedContainer? {
        self.know(image, of: kind)
        guard !self.slots[kind].free.isEmpty else { return nil }
        self.slots[kind].failures = 0
        return self.slots[kind].free.removeFirst().container
    }

    /// A backend has it, under its own name from now on.
    mutating func started(_ id: String, as name: String) { self.renames.append((id, name)) }

    /// A backend's container is being made, or started, in whichever way.
    mutating func startBegan(of backend: BackendID, now: Duration) { self.underWay[backend] = now }

    mutating func startEnded(of backend: BackendID, now: Duration) {
        guard self.underWay.removeValue(forKey: backend) != nil else { return }
        self.lastStart = now
    }

    // MARK: - What has become of containers and images

    mutating func adopt(_ container: ParkedContainer, of kind: Int, now: Duration) {
        guard !self.known.contains(container.id) else { return }
        guard container.imageID == self.slots[kind].image?.id else { return self.doomed.append(container.id) }
        self.slots[kind].free.append(Waiting(container: container, since: now))
    }

    /// Some have ended.
    ///
    /// - Returns: How many of those that waited.
    mutating func ended(_ ids: Set<String>, now: Duration) -> Int {
        var count = 0
        for index in self.slots.indices {
            let lost = self.slots[index].free.filter { ids.contains($0.container.id) }
            guard !lost.isEmpty else { continue }
            count += lost.count
            self.slots[index].free.removeAll { ids.contains($0.container.id) }
            self.doomed += lost.map(\.container.id)
            if lost.contains(where: { now - $0.since > Self.steadyAfter }) { self.slots[index].failures = 0 }
            self.failed(index, now: now)
        }
        return count
    }

    mutating func imageInspected(_ kind: Int, _ image: ImageInspection) { self.know(image, of: kind) }

    /// The image is not on this machine, or its containers cannot be parked.
    mutating func inspectionFailed(_ kind: Int) { self.giveUp(kind) }

    private mutating func know(_ image: ImageInspection, of kind: Int) {
        if self.slots[kind].image?.id != image.id { self.giveUp(kind) }
        self.slots[kind].image = image
    }

    private mutating func giveUp(_ kind: Int) {
        self.slots[kind].image = nil
        self.doomed += self.slots[kind].free.map(\.container.id)
        self.slots[kind].free = []
    }

    mutating func made(_ container: ParkedContainer, now: Duration) {
        guard let kind = self.making?.kind else { return }
        self.making = nil
        self.adopt(container, of: kind, now: now)
    }

    /// What there may be of it is removed.
    mutating func makingFailed(now: Duration) {
        guard let (kind, name) = self.making else { return }
        self.making = nil
        self.doomed.append(name)
        self.failed(kind, now: now)
    }

    private mutating func failed(_ kind: Int, now: Duration) {
        self.slots[kind].failures += 1
        self.slots[kind].notBefore = now + Self.pauses.pause(after: self.slots[kind].failures)
    }

    // MARK: - What is next

    /// How many of each kind there are to be. Those that are named first come first where there is not room for all.
    private var targets: [Int] {
        guard !self.isDraining else { return self.slots.map { _ in 0 } }
        var room = max(0, self.room ?? .max)
        return self.slots.map { slot in
            let count = min(slot.kind.count, room)
            room -= count
            return count
        }
    }

    /// - Parameter name: Of the next one, if one is to be made.
    /// - Returns: Nil when there is nothing to do now; some time later there may be.
    mutating func next(now: Duration, name: @autoclosure () -> String) -> Step? {
        if !self.renames.isEmpty {
            let (id, name) = self.renames.removeFirst()
            return .rename(id, to: name)
        }
        if let id = self.doomed.popLast() { return .remove(id) }
        let targets = self.targets
        for index in self.slots.indices where self.slots[index].free.count > targets[index] {
            return .remove(self.slots[index].free.removeLast().container.id)
        }
        for index in self.slots.indices where targets[index] > 0 {
            if let last = self.slots[index].inspectedAt, now - last < Self.inspectionPause { continue }
            self.slots[index].inspectedAt = now
            return .inspectImage(kind: index)
        }
        return self.isPressed ? self.shrink(now: now) : self.grow(targets, now: now, name: name)
    }

    private mutating func shrink(now: Duration) -> Step? {
        if let last = self.lastShrink, now - last < Self.shrinkPause { return nil }
        guard let index = self.slots.indices.max(by: { self.slots[$0].free.count < self.slots[$1].free.count }), !self.slots[index].free.isEmpty else {
            return nil
        }
        self.lastShrink = now
        return .remove(self.slots[index].free.removeLast().container.id)
    }

    private mutating func grow(_ targets: [Int], now: Duration, name: () -> String) -> Step? {
        let short = self.slots.indices.first { index in
            let slot = self.slots[index]
            return slot.image != nil && slot.free.count < targets[index] && now >= slot.notBefore
        }
        guard let index = short, self.making == nil else {
            self.shortSince = nil
            return nil
        }
        let since = self.shortSince ?? now
        self.shortSince = since
        self.underWay = self.underWay.filter { now - $0.value < Self.longestStart }
        if now - since < Self.timeLimit {
            guard self.underWay.isEmpty else { return .wait(Self.quiet) }
            if let last = self.lastStart, now - last < Self.quiet { return .wait(Self.quiet - (now - last)) }
        }
        self.shortSince = nil
        let name = name()
        self.making = (index, name)
        return .make(kind: index, name: name)
    }
}
