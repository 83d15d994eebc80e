import NIOCore

/// The frontends that one event loop has read lately, by the name that was looked up. Those that may not be used without being read again are kept as well:
/// mostly the same is read again, and then nothing has to be made anew.
///
/// There are two halves: frontends used since the halves were last exchanged, and older ones. When the first half is full it becomes the second, and
/// frontends that were not used since the last exchange are forgotten. So no request has to keep an order up to date.
struct FrontendCache {
    /// How many frontends one half may contain, and how many backends these may have together, each of which takes some 200 bytes.
    private let capacity: Int
    private let backendCapacity: Int
    private var recent: [String: Frontend] = [:]
    private var older: [String: Frontend] = [:]
    private var recentBackendCount = 0
    private var tracked = TrackedNames()

    init(capacity: Int = 10_000, backendCapacity: Int = 100_000) {
        self.capacity = capacity
        self.backendCapacity = backendCapacity
    }

    var count: Int { self.recent.count + self.older.count }

    /// The frontend as it was last read, however long ago.
    mutating func find(_ name: String) -> Frontend? {
        if let frontend = self.recent[name] { return frontend }
        guard let frontend = self.older.removeValue(forKey: name) else { return nil }
        self.insert(name, frontend)
        return frontend
    }

    mutating func insert(_ name: String, _ frontend: Frontend) {
        if self.recent.count >= self.capacity || self.recentBackendCount >= self.backendCapacity, self.recent[name] == nil { self.exchange() }
        let former = self.recent.updateValue(frontend, forKey: name)
        self.recentBackendCount += frontend.backends.count - (former?.backends.count ?? 0)
        if former == nil { self.older[name] = nil }
    }

    private mutating func exchange() {
        self.older = self.recent
        self.recent = [:]
        self.recent.reserveCapacity(self.older.count)
        self.recentBackendCount = 0
    }

    mutating func remove(_ name: String) {
        if let frontend = self.recent.removeValue(forKey: name) { self.recentBackendCount -= frontend.backends.count }
        self.older[name] = nil
    }

    // MARK: Changes

    /// Called before the keys of these names are read on a connection on which Redis tells of changes.
    mutating func track(_ names: [String]) -> [TrackedName] {
        if self.tracked.isFull {
            let halves = [self.recent, self.older]
            self.tracked.keep { keep in
                for frontends in halves {
                    for frontend in frontends.values { for (name, tracked) in zip(frontend.question.names, frontend.reading.names) { keep(name, tracked) } }
                }
            }
        }
        return names.map { self.tracked[$0] }
    }

    /// Grows whenever a name that was tracked has changed.
    var changeCount: Int { self.tracked.changeCount }

    /// A key of this name has changed.
    mutating func change(_ name: some StringProtocol) { self.tracked.change(String(name)) }

    /// Any key may have changed.
    mutating func changeAll() { self.tracked.changeAll() }
}
