import PlaneProtocol

/// Which backend ended at which place in the stream, so that who hears that a message was deleted there knows whom it was about.
///
/// Ends come in the order of the stream, so a list is sorted by itself. Entries of backends that are forgotten stay until they are the most.
struct EndIndex: Sendable {
    private var entries: [(sequence: UInt64, slot: BackendTable.Slot)] = []

    /// Entries that may be stale before it is worth looking for them.
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
        // The slot may be another backend's by now.
        return backends.value(of: slot)?.endSequence == sequence ? backends.key(of: slot) : nil
    }
}
