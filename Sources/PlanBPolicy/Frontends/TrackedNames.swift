/// The names and patterns of whose changes Redis tells one event loop.
///
/// Names are looked up that have no frontend, by whoever likes, so that most of what is here may be of no use. From time to time everything but what is in
/// use is forgotten.
struct TrackedNames {
    private static let smallestLimit = 20_000

    private var names: [String: TrackedName] = [:]
    private var limit = Self.smallestLimit
    /// Grows whenever a name has changed, so that whoever relies on some need not look at them as long as none has.
    private(set) var changeCount = 0

    var count: Int { self.names.count }
    var isFull: Bool { self.names.count >= self.limit }

    subscript(name: String) -> TrackedName {
        mutating get {
            if let known = self.names[name] { return known }
            let tracked = TrackedName()
            self.names[name] = tracked
            return tracked
        }
    }

    /// Whoever reads the keys again gets another object, so that this one need not be found any more.
    mutating func change(_ name: String) {
        self.names.removeValue(forKey: name)?.change()
        self.changeCount += 1
    }

    mutating func changeAll() {
        for tracked in self.names.values { tracked.change() }
        self.names = [:]
        self.changeCount += 1
    }

    /// Forgets all names but some. The forgotten count as changed, because a lookup that is going on may rely on being told.
    ///
    /// - Parameter list: calls its argument with each name that is kept.
    mutating func keep(_ list: (_ keep: (String, TrackedName) -> Void) -> Void) {
        var kept: [String: TrackedName] = [:]
        list { name, tracked in if !tracked.hasChanged { kept[name] = tracked } }
        for (name, tracked) in self.names where kept[name] !== tracked { tracked.change() }
        self.names = kept
        self.changeCount += 1
        self.limit = max(Self.smallestLimit, kept.count * 2)
    }
}
