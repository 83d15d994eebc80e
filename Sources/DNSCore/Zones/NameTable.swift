/// A hash table from names to numbers, designed for a million names: 16 bytes for each slot, at most three quarters of the slots in use, and the bytes of all
/// names in a single array. Looking a name up counts no references and allocates nothing.
///
/// It uses open addressing with linear probing. When a slot is removed later ones are moved up, so there are no tombstones. The bytes of removed names are
/// removed when they are more than those in use.
struct NameTable: Sendable {
    private struct Slot {
        var hash: UInt32 = 0
        var value: UInt32 = 0
        /// Where the name begins in `bytes`.
        var start: UInt32 = 0
        /// 0 means that the slot is free. No name has more than 255 bytes.
        var length: UInt32 = 0
    }

    private static let initialSlots = 64

    private(set) var count = 0
    private var slots = [Slot](repeating: Slot(), count: initialSlots)
    private var bytes: [UInt8] = []
    private var removedBytes = 0
    /// Initial value of the hash, random in each process, so that nobody can choose names with equal hashes.
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
    }

    /// The number of a name as it is in a message, in upper or lower case.
    func find(_ name: Span<UInt8>) -> UInt32? {
        let hash = self.hash(name)
        var index = self.home(of: hash)
        while self.slots[index].length != 0 {
            if self.slots[index].hash == hash, self.holds(self.slots[index], name) { return self.slots[index].value }
            index = self.next(index)
        }
        return nil
    }

    func find(_ name: DNSName) -> UInt32? { self.find(name.wire.span) }

    mutating func set(_ name: DNSName, to value: UInt32) {
        if let index = self.index(of: name) {
            self.slots[index].value = value
            return
        }
        // A name whose bytes would begin beyond 4 GiB is not added; that takes some eighty million names.
        guard let start = UInt32(exactly: self.bytes.count) else { return }
        if (self.count + 1) * 4 > self.slots.count * 3 { self.resize(self.slots.count * 2) }
        self.bytes += name.wire
        self.insert(Slot(hash: self.hash(name.wire.span), value: value, start: start, length: UInt32(name.wire.count)))
        self.count += 1
    }

    mutating func remove(_ name: DNSName) {
        guard var hole = self.index(of: name) else { return }
        self.removedBytes += Int(self.slots[hole].length)
        self.count -= 1
        var index = self.next(hole)
        while self.slots[index].length != 0 {
            // An entry may be moved up unless that would put it before its home slot.
            let home = self.home(of: self.slots[index].hash)
            if (index &- home) & (self.slots.count - 1) >= (index &- hole) & (self.slots.count - 1) {
                self.slots[hole] = self.slots[index]
                hole = index
            }
            index = self.next(index)
        }
        self.slots[hole] = Slot()
        if self.removedBytes > max(self.bytes.count / 2, 4096) { self.squeeze() }
    }

    // MARK: Slots

    private func home(of hash: UInt32) -> Int { Int(hash) & (self.slots.count - 1) }

    private func next(_ index: Int) -> Int { (index + 1) & (self.slots.count - 1) }

    private func index(of name: DNSName) -> Int? {
        let hash = self.hash(name.wire.span)
        var index = self.home(of: hash)
        while self.slots[index].length != 0 {
            if self.slots[index].hash == hash, self.holds(self.slots[index], name.wire.span) { return index }
            index = self.next(index)
        }
        return nil
    }

    private mutating func insert(_ slot: Slot) {
        var index = self.home(of: slot.hash)
        while self.slots[index].length != 0 { index = self.next(index) }
        self.slots[index] = slot
    }

    private mutating func resize(_ count: Int) {
        let old = self.slots
        self.slots = [Slot](repeating: Slot(), count: count)
        for slot in old where slot.length != 0 { self.insert(slot) }
    }

    private mutating func squeeze() {
        var kept: [UInt8] = []
        kept.reserveCapacity(self.bytes.count - self.removedBytes)
        for index in self.slots.indices where self.slots[index].length != 0 {
            let start = Int(self.slots[index].start)
            self.slots[index].start = UInt32(kept.count)
            kept += self.bytes[start..<(start + Int(self.slots[index].length))]
        }
        self.bytes = kept
        self.removedBytes = 0
    }

    // MARK: Names

    private func holds(_ slot: Slot, _ name: Span<UInt8>) -> Bool {
        guard Int(slot.length) == name.count else { return false }
        let start = Int(slot.start)
        for offset in 0..<name.count where self.bytes[start + offset] != name[offset].lowercasedASCII { return false }
        return true
    }

    private func hash(_ name: Span<UInt8>) -> UInt32 { UInt32(truncatingIfNeeded: name.foldedHash(seed: self.seed) >> 32) }
}

extension Span<UInt8> {
    /// FNV-1a over the bytes in lower case, with a secret initial value, and one round of mixing so that all bits depend on all bytes.
    @inline(__always)
    func foldedHash(seed: UInt64) -> UInt64 {
        var hash = seed ^ 0xCBF2_9CE4_8422_2325
        for index in 0..<self.count { hash = (hash ^ UInt64(self[index].lowercasedASCII)) &* 0x100_0000_01B3 }
        hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
        return hash ^ hash >> 29
    }
}
