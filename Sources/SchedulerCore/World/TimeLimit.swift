/// Work that is given up when it takes too long.
enum TimeLimit {
    /// The result of `work`, which is cancelled when `limit` is over; nil if it then has none.
    static func run<Result: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async -> Result?) async -> Result? {
        await withTaskGroup(of: Result?.self) { group in
            group.addTask { await work() }
            group.addTask {
                // Cut short when the work is done.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
