/// Lets only so many tasks do something at once; the others wait in order.
actor SlotPool {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(count: Int) {
        self.free = count
    }

    func withSlot<Result: Sendable>(_ body: @Sendable () async -> Result) async -> Result {
        await self.take()
        let result = await body()
        self.giveBack()
        return result
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
