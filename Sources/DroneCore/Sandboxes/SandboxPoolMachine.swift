import PlaneProtocol

/// Decides when sandboxes are made and removed, and which start gets one. Knows nothing of Docker. The time is an argument: the time since some fixed moment,
/// by a clock that cannot be set.
struct SandboxPoolMachine {
    /// What is to be done next.
    enum Step: Hashable {
        /// Make one with this name; answered by `made` or `makingFailed`.
        case make(String)
        /// Remove this sandbox.
        case remove(String)
        /// Do nothing for this long.
        case wait(Duration)
    }

    /// How long to wait after the last start before a sandbox is made, so that the started program has the processor first.
    private static let quiet = Duration.milliseconds(250)
    /// If starts follow each other all the time, a sandbox is made nevertheless when the pool has not been full for this long.
    private static let timeLimit = Duration.seconds(5)
    /// After this time a start counts as ended even if that was not reported; the engine's own limit is the same.
    private static let longestStart = Duration.seconds(120)
    /// After so many starts in a row that failed by the shortcut and succeeded without it, the probe was wrong, and shortcuts are no longer used.
    private static let failuresLimit = 3

    /// How many sandboxes are kept ready.
    private let size: Int
    /// Whether the drone takes no new backends, so that it needs no sandboxes.
    var isDraining = false
    /// What a claim gets when no sandbox is left; nil while shortcuts are not known to work.
    private(set) var usable: Shortcut?
    private(set) var free: [Sandbox] = []
    private var making: String?
    private var doomed: [String] = []
    private var underWay: [BackendID: Duration] = [:]
    private var lastStart: Duration?
    private var shortSince: Duration?
    /// Backends whose shortcut failed, and that are now started without one.
    private var retried: Set<BackendID> = []
    private var failures = 0

    init(size: Int) { self.size = size }

    private var target: Int { self.usable == nil || self.isDraining ? 0 : self.size }

    /// Sandboxes that the reconciler must not remove: their ids, and the name of the one that is being made.
    var known: Set<String> { Set(self.free.map(\.id) + self.doomed).union(self.making.map { [$0] } ?? []) }

    mutating func open(runtime: String?, adopted: [Sandbox]) {
        self.usable = Shortcut(runtime: runtime)
        self.failures = 0
        let known = self.known
        self.free += adopted.filter { !known.contains($0.id) }
    }

    /// Stops using shortcuts, because they have turned out not to work.
    private mutating func close() {
        self.usable = nil
        self.doomed += self.free.map(\.id)
        self.free = []
    }

    /// - Returns: Nil where shortcuts do not work. A shortcut without a sandbox when none is left.
    mutating func claim(for backend: BackendID, now: Duration) -> Shortcut? {
        guard var shortcut = self.usable else { return nil }
        self.underWay[backend] = now
        if !self.free.isEmpty { shortcut.sandbox = self.free.removeFirst() }
        return shortcut
    }

    /// Takes a sandbox back with which no container was or will be made.
    mutating func giveBack(_ sandbox: Sandbox) {
        guard self.usable != nil else { return self.doomed.append(sandbox.id) }
        self.free.insert(sandbox, at: 0)
    }

    mutating func discard(_ id: String) {
        self.free.removeAll { $0.id == id }
        if !self.doomed.contains(id) { self.doomed.append(id) }
    }

    /// What the end of a start says about shortcuts.
    enum Verdict: Hashable {
        /// The container was made by a shortcut. If that failed, the start is repeated without one.
        case shortcut
        case plain
        /// The start succeeded without a shortcut after failing with one, like several before it. Shortcuts are no longer used.
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

    /// Called when the start was given up before a container was started.
    mutating func startAbandoned(of backend: BackendID) {
        self.underWay[backend] = nil
        self.retried.remove(backend)
    }

    /// - Parameter name: the name for the next sandbox, if one is to be made.
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

    /// Making the sandbox has failed; what exists of it is removed.
    mutating func makingFailed() {
        if let name = self.making { self.doomed.append(name) }
        self.making = nil
    }
}
