import PlaneProtocol

/// Decides when sandboxes are made and removed, and who gets one. Knows nothing of Docker and the time, which is an argument: time since some
/// moment, by a clock that nobody sets.
struct SandboxPoolMachine {
    /// What is to be done next.
    enum Step: Hashable {
        /// Begin one of this name; answered with `made` or `makingFailed`.
        case make(String)
        /// Remove this one.
        case remove(String)
        /// Nothing for this long.
        case wait(Duration)
    }

    /// After the last start, before one is made: the program that was started has the processor first.
    private static let quiet = Duration.milliseconds(250)
    /// Where one start follows the other all the time, one is made nevertheless when the pool has been short for this long.
    private static let timeLimit = Duration.seconds(5)
    /// A start that has not told its end by then has none to tell; the engine's own limit is the same.
    private static let longestStart = Duration.seconds(120)
    /// Starts whose shortcut failed, and that went well without it, one after the other: the probe was wrong.
    private static let failuresLimit = 3

    /// How many are kept ready.
    private let size: Int
    /// The drone takes no backends, so it needs none.
    var isDraining = false
    /// Nil while they are not known to work. Without a sandbox, what a claim gets.
    private(set) var usable: Shortcut?
    private(set) var free: [Sandbox] = []
    private var making: String?
    private var doomed: [String] = []
    private var underWay: [BackendID: Duration] = [:]
    private var lastStart: Duration?
    private var shortSince: Duration?
    /// Backends whose shortcut failed, and that are started plainly now.
    private var retried: Set<BackendID> = []
    private var failures = 0

    init(size: Int) { self.size = size }

    private var target: Int { self.usable == nil || self.isDraining ? 0 : self.size }

    /// What the engine may list, and is not to be taken for left behind: ids, and the name of the one that is being made.
    var known: Set<String> { Set(self.free.map(\.id) + self.doomed).union(self.making.map { [$0] } ?? []) }

    mutating func open(runtime: String?, adopted: [Sandbox]) {
        self.usable = Shortcut(runtime: runtime)
        self.failures = 0
        let known = self.known
        self.free += adopted.filter { !known.contains($0.id) }
    }

    /// They do not work after all.
    private mutating func close() {
        self.usable = nil
        self.doomed += self.free.map(\.id)
        self.free = []
    }

    /// - Returns: Nil where shortcuts do not work. Without a sandbox when none is left.
    mutating func claim(for backend: BackendID, now: Duration) -> Shortcut? {
        guard var shortcut = self.usable else { return nil }
        self.underWay[backend] = now
        if !self.free.isEmpty { shortcut.sandbox = self.free.removeFirst() }
        return shortcut
    }

    /// No container was made with it, and none will be.
    mutating func giveBack(_ sandbox: Sandbox) {
        guard self.usable != nil else { return self.doomed.append(sandbox.id) }
        self.free.insert(sandbox, at: 0)
    }

    mutating func discard(_ id: String) {
        self.free.removeAll { $0.id == id }
        if !self.doomed.contains(id) { self.doomed.append(id) }
    }

    /// What a start has shown.
    enum Verdict: Hashable {
        /// It was by the shortcut. A failed one is repeated plainly.
        case shortcut
        case plain
        /// It went well plainly, like others before it, whose shortcuts had failed. Shortcuts are not taken any more.
        case distrusted
    }

    mutating func startEnded(of backend: BackendID, well: Bool, now: Duration) -> Verdict {
        if self.underWay.removeValue(forKey: backend) != nil {
            self.lastStart = now
            if well { self.failures = 0 } else { self.retried.insert(backend) }
            return .shortcut
        }
        guard self.retried.remove(backend) != nil, well else { return .plain }  // where both fail it is the image's fault
        self.failures += 1
        guard self.failures >= Self.failuresLimit, self.usable != nil else { return .plain }
        self.close()
        return .distrusted
    }

    /// No container of the backend is started.
    mutating func startAbandoned(of backend: BackendID) {
        self.underWay[backend] = nil
        self.retried.remove(backend)
    }

    /// - Parameter name: Of the next one, if one is to be made.
    mutating func next(now: Duration, name: @autoclosure () -> String) -> Step? {
        if let id = self.doomed.popLast() { return .remove(id) }
        if self.free.count > self.target { return .remove(self.free.removeLast().id) }
        guard self.free.count < self.target, self.making == nil else {
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
        self.making = name
        return .make(name)
    }

    mutating func made(_ sandbox: Sandbox) {
        self.making = nil
        self.free.append(sandbox)
    }

    /// What there may be of it is removed.
    mutating func makingFailed() {
        if let name = self.making { self.doomed.append(name) }
        self.making = nil
    }
}
