package import NIOCore

/// How long this proxy's last few visitors have waited until their backends were ready.
package struct TypicalStart {
    private var waits: [TimeAmount] = []
    private var next = 0

    /// How many waits are remembered: enough for what runs now, few enough to forget what ran before.
    private static let memory = 15

    package init() {}

    package mutating func note(_ wait: TimeAmount) {
        if self.waits.count < Self.memory { self.waits.append(wait) } else { self.waits[self.next] = wait }
        self.next = (self.next + 1) % Self.memory
    }

    /// The median; nil if there were none.
    package var duration: TimeAmount? {
        self.waits.isEmpty ? nil : self.waits.sorted()[self.waits.count / 2]
    }
}
