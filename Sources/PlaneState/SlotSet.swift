/// A few slots, nearly always none or one; then nothing is allocated.
struct SlotSet<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    typealias Slot = SlotTable<Key, Value>.Slot

    private var first: Slot?
    private var rest: [Slot] = []

    var isEmpty: Bool { self.first == nil }

    mutating func insert(_ slot: Slot) {
        if self.first == nil {
            self.first = slot
        } else if self.first != slot, !self.rest.contains(slot) {
            self.rest.append(slot)
        }
    }

    mutating func remove(_ slot: Slot) {
        if self.first == slot {
            self.first = self.rest.popLast()
        } else if let index = self.rest.firstIndex(of: slot) {
            self.rest.remove(at: index)
        }
    }

    func forEach(_ body: (Slot) -> Void) {
        if let first = self.first { body(first) }
        self.rest.forEach(body)
    }
}
