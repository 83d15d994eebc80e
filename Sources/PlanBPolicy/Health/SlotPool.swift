/// Lets only so many tasks do something at once; the others wait in order.
actor SlotPool {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) {
        self.free = count
    }

    func withSlot<Result: Sendable, Failure: Error>(_ body: @Sendable () async throws(Failure) -> Result) async throws(Failure) -> Result {
        await self.take()
        defer { self.giveBack() }
        return try await body()
    }

    private func take() async {
        if self.free > 0 {
            self.free -= 1
            return
        }
        await withCheckedContinuation { self.waiting.append($0) }
    }

    private func giveBack() {
        if self.waiting.isEmpty { self.free += 1 } else { self.waiting.removeFirst().resume() }
    }
}
