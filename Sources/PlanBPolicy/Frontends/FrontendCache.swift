import NIOCore

/// Frontends that were read a moment ago, by the name that was asked for. Of one event loop.
///
/// Two halves: what has been asked for since the halves were changed, and what was before. When the first is full it becomes the second, and
/// what nobody has asked for since the last change is forgotten. So no request pays for keeping order.
struct FrontendCache {
    /// How long a frontend is believed without being read again.
    static let freshness: TimeAmount = .seconds(2)
    /// Frontends in one half.
    private let capacity: Int
    private var recent: [String: Frontend] = [:]
    private var older: [String: Frontend] = [:]

    init(capacity: Int = 10_000) {
        self.capacity = capacity
    }

    var count: Int { self.recent.count + self.older.count }

    /// What was read last, however long ago.
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
