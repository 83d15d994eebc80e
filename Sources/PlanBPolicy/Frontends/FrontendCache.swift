import NIOCore

/// The frontends that one event loop has read lately, by the name that was looked up.
///
/// There are two halves: frontends used since the halves were last exchanged, and older ones. When the first half is full it becomes the second, and
/// frontends that were not used since the last exchange are forgotten. So no request has to keep an order up to date.
struct FrontendCache {
    /// How long a frontend is used without being read again.
    static let freshness: TimeAmount = .seconds(2)
    /// How many frontends one half may contain.
    private let capacity: Int
    private var recent: [String: Frontend] = [:]
    private var older: [String: Frontend] = [:]

    init(capacity: Int = 10_000) {
        self.capacity = capacity
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
        if self.recent.count >= self.capacity, self.recent[name] == nil {
            self.older = self.recent
            self.recent = [:]
        }
        self.recent[name] = frontend
        self.older[name] = nil
    }

    mutating func remove(_ name: String) {
        self.recent[name] = nil
        self.older[name] = nil
    }
}
