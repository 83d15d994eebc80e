import PlaneProtocol

/// Finds the backend whose terminal state has a given stream sequence. A notice that a message was deleted names only the sequence.
///
/// Ends are appended in the order of the stream, so the list is always sorted. Entries of forgotten backends are removed when they are more
/// than half of it.
struct EndIndex: Sendable {
    private var entries: [(sequence: UInt64, slot: BackendTable.Slot)] = []

    /// Entries up to which stale ones are left alone, because searching for them costs more than their memory.
    private static let slack = 1024

    mutating func insert(_ slot: BackendTable.Slot, at sequence: UInt64, in backends: BackendTable) {
        if self.entries.count > 2 * backends.count + Self.slack {
            self.entries.removeAll { backends.value(of: $0.slot)?.endSequence != $0.sequence }
        }
        self.entries.append((sequence, slot))
    }

    func backend(endedAt sequence: UInt64, in backends: BackendTable) -> BackendID? {
        var (low, high) = (0, self.entries.count)
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        guard low < self.entries.count, self.entries[low].sequence == sequence else { return nil }
        let slot = self.entries[low].slot
        // The slot may have been given to another backend since.
        return backends.value(of: slot)?.endSequence == sequence ? backends.key(of: slot) : nil
    }
}
