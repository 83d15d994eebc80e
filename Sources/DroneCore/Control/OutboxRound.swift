import DroneStore

/// Decides which reports are sent next: at most one of each backend at a time, none of a backend that pauses after a failure.
struct OutboxRound {
    private var underway: Set<String> = []
    /// Backends whose last report was not acknowledged, and how often in a row; those that rest among them.
    private var failures: [String: Int] = [:]
    private var resting: Set<String> = []
    /// Whether the outbox may hold something that has not been looked at.
    private(set) var mayHaveWork = false
    private var isClosed = false
    /// Whether the last look found nothing but what is busy.
    private var isEmpty = false

    /// Backends nothing is to be sent for now; their reports may come first in the outbox.
    var busyCount: Int { self.underway.count + self.resting.count }

    func failures(of backend: String) -> Int { self.failures[backend] ?? 0 }

    /// Nothing more will be queued, and everything that was is delivered.
    var isOver: Bool { self.isClosed && self.isEmpty && self.busyCount == 0 }

    mutating func note(_ event: OutboxDispatcher.Event) {
        self.mayHaveWork = true
        switch event {
        case .news: break
        case .closed: self.isClosed = true
        case .delivered(let backend):
            self.underway.remove(backend)
            self.failures[backend] = nil
        case .failed(let backend):
            self.underway.remove(backend)
            self.resting.insert(backend)
            self.failures[backend, default: 0] += 1
        case .rested(let backend): self.resting.remove(backend)
        }
    }

    /// The reports of `oldest` to send now.
    mutating func take(_ oldest: [QueuedReport], limit: Int) -> [QueuedReport] {
        let free = oldest.filter { !self.underway.contains($0.backend) && !self.resting.contains($0.backend) }
        let taken = free.prefix(max(0, limit - self.underway.count))
        for report in taken { self.underway.insert(report.backend) }
        self.isEmpty = oldest.isEmpty
        self.mayHaveWork = false
        return Array(taken)
    }

    mutating func couldNotRead() { self.mayHaveWork = false }
}
