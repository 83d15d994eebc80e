import Synchronization

/// Bytes that the receive windows of all connections of HTTP/2 together may hold beyond what each of them may have anyway.
final class UploadAllowance: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: False when there is not so much left; nothing is taken then.
    func take(_ count: Int) -> Bool {
        let before = self.used.wrappingAdd(count, ordering: .relaxed).oldValue
        if before + count <= self.limit { return true }
        self.giveBack(count)
        return false
    }

    func giveBack(_ count: Int) {
        if count > 0 { self.used.wrappingSubtract(count, ordering: .relaxed) }
    }
}
