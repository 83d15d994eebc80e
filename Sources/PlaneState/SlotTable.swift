/// Values that are found by key once, and by a 4-byte slot from then on.
///
/// A million backends refer to drones and locks. A slot takes a quarter of an id's memory, and following one costs no hashing. A slot stays
/// valid until its value is removed, and may then get another value, so a value may be removed only when nothing refers to its slot.
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

    /// Visits at most `count` entries, for callers that must not look at the whole table at once.
    /// - Returns: the index to go on from; nil after the end.
    func scan(from index: Int, count: Int, _ body: (Slot, Key, Value) -> Void) -> Int? {
        let end = min(index + count, self.entries.count)
        guard index < end else { return nil }
        for position in index..<end {
            if let entry = self.entries[position] { body(Slot(index: UInt32(position)), entry.key, entry.value) }
        }
        return end < self.entries.count ? end : nil
    }

    func slot(of key: Key) -> Slot? { self.slots[key] }

    /// The slot of a key; if there is none, a slot with `value` is made.
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

    /// The value in a slot; nil if the slot is free. The slot may have been given to another key since.
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
