import NIOCore

/// How long visitors of this proxy have waited for backends to get ready, the last few times.
struct TypicalStart {
    private var waits: [TimeAmount] = []
    private var next = 0

    /// Enough to be fair to what is run now, few enough to forget what was run before.
    private static let memory = 15

    mutating func note(_ wait: TimeAmount) {
        if self.waits.count < Self.memory { self.waits.append(wait) } else { self.waits[self.next] = wait }
        self.next = (self.next + 1) % Self.memory
    }

    /// The median; nil before the first one.
    var duration: TimeAmount? {
        self.waits.isEmpty ? nil : self.waits.sorted()[self.waits.count / 2]
    }
}
