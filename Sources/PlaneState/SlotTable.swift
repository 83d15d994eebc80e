/// Values that are found by key once, and by a 4-byte slot from then on.
///
/// A million backends refer to each other's drones and locks; a slot costs a quarter of what an id does, and following one costs no
/// hashing. A slot stays valid until its value is removed, and is then given to somebody else: who removes a value must know that
/// nobody refers to it.
struct SlotTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    struct Slot: Hashable, Sendable {
        fileprivate let index: UInt32
    }

    private struct Entry {
        let key: Key
        var value: Value
    }

    private var slots: [Key: Slot] = [:]
    private var entries: [Entry?] = []
    private var free: [Slot] = []

    var count: Int { self.slots.count }

    /// Slots in use and free ones.
    var capacity: Int { self.entries.count }

    /// Every slot in use, in no particular order.
    var all: some Sequence<Slot> { self.slots.values }

    /// Looks at a part of the table, for who cannot afford to look at all of it at once.
    /// - Returns: where to go on; nil after the end.
    func scan(from index: Int, count: Int, _ body: (Slot, Key, Value) -> Void) -> Int? {
        let end = min(index + count, self.entries.count)
        guard index < end else { return nil }
        for position in index..<end {
            if let entry = self.entries[position] { body(Slot(index: UInt32(position)), entry.key, entry.value) }
        }
        return end < self.entries.count ? end : nil
    }

    func slot(of key: Key) -> Slot? { self.slots[key] }

    /// The slot of a key; one with `value` is made if there is none.
    mutating func slot(of key: Key, inserting value: @autoclosure () -> Value) -> Slot {
        if let slot = self.slots[key] { return slot }
        let entry = Entry(key: key, value: value())
        let slot: Slot
        if let reused = self.free.popLast() {
            slot = reused
            self.entries[Int(slot.index)] = entry
        } else {
            slot = Slot(index: UInt32(self.entries.count))
            self.entries.append(entry)
        }
        self.slots[key] = slot
        return slot
    }

    func key(of slot: Slot) -> Key { self.entry(slot).key }

    /// nil if the slot is free; it may be another key's than it was.
    func value(of slot: Slot) -> Value? { self.entries[Int(slot.index)]?.value }

    subscript(slot: Slot) -> Value {
        get { self.entry(slot).value }
        _modify {
            guard self.entries[Int(slot.index)] != nil else { preconditionFailure("a slot was used after its value had been removed") }
            yield &self.entries[Int(slot.index)]!.value
        }
    }

    mutating func remove(_ slot: Slot) {
        self.slots[self.key(of: slot)] = nil
        self.entries[Int(slot.index)] = nil
        self.free.append(slot)
    }

    private func entry(_ slot: Slot) -> Entry {
        guard let entry = self.entries[Int(slot.index)] else { preconditionFailure("a slot was used after its value had been removed") }
        return entry
    }
}
