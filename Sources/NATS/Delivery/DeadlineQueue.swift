import HeapModule

/// Deadlines of many requests, the earliest first. Finished requests stay until their deadline or until `rebuild`.
struct DeadlineQueue {
    private struct Item: Comparable {
        /// Nanoseconds of a monotonic clock.
        var deadline: UInt64
        var id: UInt64

        static func < (left: Item, right: Item) -> Bool {
            (left.deadline, left.id) < (right.deadline, right.id)
        }
    }

    private var heap = Heap<Item>()

    var count: Int { self.heap.count }

    /// When the next deadline is; nil if there is none.
    var earliest: UInt64? { self.heap.min?.deadline }

    mutating func insert(_ id: UInt64, deadline: UInt64) {
        self.heap.insert(Item(deadline: deadline, id: id))
    }

    /// Removes and returns everything whose deadline has been reached at `now`.
    mutating func popExpired(now: UInt64) -> [UInt64] {
        var ids: [UInt64] = []
        while let first = self.heap.min, first.deadline <= now {
            ids.append(first.id)
            self.heap.removeMin()
        }
        return ids
    }

    /// Keeps only these, so that the memory depends on the requests in flight, not on those of the last minutes.
    mutating func rebuild(_ live: some Sequence<(id: UInt64, deadline: UInt64)>) {
        self.heap = Heap(live.map { Item(deadline: $0.deadline, id: $0.id) })
    }
}
