import Synchronization

/// How many bytes the receive windows of all HTTP/2 connections together may hold, beyond what each of them has anyway.
final class UploadAllowance: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: False when less than `count` is left; then nothing is taken.
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
